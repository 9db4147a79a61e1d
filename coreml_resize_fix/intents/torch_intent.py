"""The arguments of one executed resize → an Intent, or the reason why there is none."""

from typing import Any, Dict, Optional, Tuple, Union

from coreml_resize_fix.dialects import torch as dialect
from coreml_resize_fix.intents.model import MODES, Intent, Size

# Operator → mode and antialias. Scripted and traced modules call these without `interpolate`.
OPERATORS: Dict[str, Tuple[str, bool]] = {
    "aten::upsample_nearest2d": ("nearest", False),
    "aten::_upsample_nearest_exact2d": ("nearest-exact", False),
    "aten::upsample_bilinear2d": ("bilinear", False),
    "aten::upsample_bicubic2d": ("bicubic", False),
    "aten::_upsample_bilinear2d_aa": ("bilinear", True),
    "aten::_upsample_bicubic2d_aa": ("bicubic", True),
}


def is_resize(operator: str) -> bool:
    """Whether an operator's name is that of a resize, of pictures or of something else."""
    return "upsample" in operator and not operator.endswith("_backward")


def plain(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of `interpolate` with numbers of Python for its sizes and factors."""
    axes = arguments["input"].dim() - 2
    return dict(
        arguments,
        size=_each(arguments.get("size"), axes, int),
        scale_factor=_each(arguments.get("scale_factor"), axes, float),
    )


def _each(value: Any, axes: int, number: Any) -> Optional[Tuple[Any, ...]]:
    if value is None:
        return None
    # A list of a wrong length stays one, so that PyTorch says what is wrong with it.
    values = value if isinstance(value, (list, tuple)) else [value] * axes
    return tuple(number(item) for item in values)


def from_interpolate(arguments: Dict[str, Any], result: Any) -> Union[Intent, str]:
    """The intent of a call that gave `result`; a text says why it is no resize of pictures."""
    source, mode = arguments["input"], arguments["mode"]
    if source.dim() != 4 or mode not in MODES:
        return "`interpolate` of a {}-D tensor with mode `{}`".format(source.dim(), mode)
    given = plain(arguments)
    return Intent(
        mode=mode,
        align_corners=bool(given.get("align_corners")),
        antialias=bool(given.get("antialias")),
        size=given["size"],
        scale_factor=given["scale_factor"],
        recompute_scale_factor=given.get("recompute_scale_factor"),
        input_size=_pixels(source),
        output_size=_pixels(result),
        channels=int(source.shape[1]),
    )


def from_operator(operator: str, values: Dict[str, Any], result: Any) -> Union[Intent, str]:
    """The intent of an operator that was called without `interpolate`."""
    if operator not in OPERATORS:
        return "`{}`".format(operator)
    mode, antialias = OPERATORS[operator]
    source, size = operand(values), _pixels(result)
    # PyTorch passes the factors on where it samples by them, and otherwise the size alone.
    factors: Any = values.get("scale_factors") or (values.get("scales_h"), values.get("scales_w"))
    by_factor = None not in factors
    if by_factor and size != tuple(map(dialect.output_size, _pixels(source), factors)):
        return "`{}` with factors that give another size than its own".format(operator)
    arguments = {
        "input": source,
        "mode": mode,
        "align_corners": values.get("align_corners"),
        "antialias": antialias,
        "size": None if by_factor else size,
        "scale_factor": factors if by_factor else None,
    }
    return from_interpolate(arguments, result)


def operand(values: Dict[str, Any]) -> Any:
    """What an operator resizes; its two overloads name it differently."""
    return values["self"] if "self" in values else values["input"]


def _pixels(maps: Any) -> Size:
    height, width = maps.shape[2:]
    return int(height), int(width)
