"""The table of all shape rules, by the name of the layer in the `layer` oneof."""

from coreml_resize_fix.formats.inference.call import Rules

from . import (
    elementwise,
    indexing,
    joining,
    normalizing,
    reduction,
    reshaping,
    spatial,
    volume,
)

FAMILIES = (
    spatial, volume, elementwise, normalizing, joining, reshaping, indexing, reduction,
)  # fmt: skip

RULES: Rules = {}
for _family in FAMILIES:
    RULES.update(_family.RULES)
