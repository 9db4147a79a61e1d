"""The table of all shape rules, by the name of the layer in the `layer` oneof."""

from . import elementwise, indexing, joining, reduction, reshaping, spatial, volume
from .call import Rules

FAMILIES = (spatial, volume, elementwise, joining, reshaping, indexing, reduction)

RULES: Rules = {}
for _family in FAMILIES:
    RULES.update(_family.RULES)
