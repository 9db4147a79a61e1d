"""Read from the name of an operation which PyTorch call it came from.

With torch.jit.trace the name is that of a value ("op_49_cast_fp16", "input_11_cast_fp16"), which
says nothing. With torch.export it is the operator's ("upsample_bilinear2d_1_cast_fp16"): which
one, with antialias or not, and its number among its kind. Neither holds a module path.
"""

import re
from typing import NamedTuple, Optional

# Converters before 6.3 write `_cast`, later ones the type; of whole numbers where those become
# smaller (from iOS 17 on).
_CAST = re.compile(r"(?:_cast(?:_fp16|_fp32|_u?int16)?)+$")
_OPERATOR = re.compile(r"^_?upsample_(nearest_exact|nearest|bilinear|bicubic)2d(_aa)?(?:_(\d+))?$")


class Exported(NamedTuple):
    """A call of PyTorch: `mode` as F.interpolate names it, `number` counts calls of its kind."""

    mode: str
    antialias: bool
    number: int


def without_cast(name: str) -> str:
    """The name before the converter put a change of precision around the operation."""
    return _CAST.sub("", name)


def exported(name: str) -> Optional[Exported]:
    """The call that a name of torch.export stands for, or None if it is not one."""
    found = _OPERATOR.match(without_cast(name))
    if found is None:
        return None
    mode, antialias, number = found.groups()
    return Exported(mode.replace("_", "-"), bool(antialias), int(number or 0))
