"""The function of every kind of operation that is computed; docs/executor.md lists them.

Whether devices compute the same: `executor` of conventions/measured.json.
"""

from coreml_resize_fix.formats.mlprogram.execute import (
    numbers,
    resizing,
    shaping,
    spatial,
    summing,
    weights,
)
from coreml_resize_fix.formats.mlprogram.execute.call import Kinds

FAMILIES = (numbers, spatial, resizing, shaping, summing, weights)

KINDS: Kinds = {kind: made for family in FAMILIES for kind, made in family.KINDS.items()}

# These run blocks or keep states; `run` computes them.
CONTROL = (
    "classify", "cond", "const", "coreml_update_state", "read_state", "while_loop", "write_state",
)  # fmt: skip
