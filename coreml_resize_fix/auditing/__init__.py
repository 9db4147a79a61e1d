"""Facts → findings: which intent belongs to which layer, and whether the layer computes it."""
