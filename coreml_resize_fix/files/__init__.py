"""Files that take their place whole, or not at all."""
