"""The intent of one executed resize of PyTorch, from its arguments and its result."""

from typing import Any, Dict, List, Optional, Tuple, Union

from coreml_resize_fix.conventions import torch
from coreml_resize_fix.intents.model import MODES, Intent
from coreml_resize_fix.intents.size_law import Size

# Operator -> mode and antialias. Scripted and traced modules call these without `interpolate`.
OPERATORS: Dict[str, Tuple[str, bool]] = {
    "aten::upsample_nearest2d": ("nearest", False),
    "aten::_upsample_nearest_exact2d": ("nearest-exact", False),
    "aten::upsample_bilinear2d": ("bilinear", False),
    "aten::upsample_bicubic2d": ("bicubic", False),
    "aten::_upsample_bilinear2d_aa": ("bilinear", True),
    "aten::_upsample_bicubic2d_aa": ("bicubic", True),
    "aten::upsample_nearest1d": ("nearest", False),
    "aten::_upsample_nearest_exact1d": ("nearest-exact", False),
    "aten::upsample_linear1d": ("linear", False),
}

# Number of resized axes -> mode of `interpolate` -> mode of an intent.
# Core ML resizes a sequence as a map of width 1.
_MODES: Dict[int, Dict[str, str]] = {
    1: {"linear": "bilinear", **{mode: mode for mode in ("nearest", "nearest-exact", "area")}},
    2: {mode: mode for mode in MODES},
}


def is_resize(operator: str) -> bool:
    """Whether an operator is a resize, of images or of other tensors."""
    return "upsample" in operator and not operator.endswith("_backward")


def plain(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of `interpolate` with sizes and factors as Python numbers."""
    axes = arguments["input"].dim() - 2
    return dict(
        arguments,
        size=_each(arguments.get("size"), axes, _whole),
        scale_factor=_each(arguments.get("scale_factor"), axes, _factor),
    )


def varies(arguments: Dict[str, Any]) -> bool:
    """Whether the result of `interpolate` depends on a size that an exporter lets vary."""
    return any(
        hasattr(n, "node") for n in [*arguments["input"].shape[2:], *_requested_numbers(arguments)]
    )


def _requested_numbers(arguments: Dict[str, Any]) -> List[Any]:
    """The numbers of the arguments `size` and `scale_factor`."""
    given = [arguments.get("size"), arguments.get("scale_factor")]
    return [n for item in given for n in (item if isinstance(item, (list, tuple)) else [item])]


def _is_known(number: Any) -> bool:
    return not hasattr(number, "node") or number.node.hint is not None


def _each(value: Any, axes: int, number: Any) -> Optional[Tuple[Any, ...]]:
    if value is None:
        return None
    # PyTorch itself refuses a list of a wrong length.
    values = value if isinstance(value, (list, tuple)) else [value] * axes
    return tuple(number(item) for item in values)


def from_interpolate(arguments: Dict[str, Any], result: Any) -> Union[Intent, str]:
    """The intent of a call of `interpolate` that returned `result`, or a text why it has none."""
    source, mode = arguments["input"], arguments["mode"]
    modes = _MODES.get(source.dim() - 2, {})
    if mode not in modes:
        return f"`interpolate` of a {source.dim()}-D tensor with mode `{mode}`"
    if not all(
        map(_is_known, [*source.shape[1:], *result.shape[2:], *_requested_numbers(arguments)])
    ):
        return "`interpolate` with a size that only the values of tensors say"
    given = plain(arguments)
    return Intent(
        mode=modes[mode],
        align_corners=bool(given.get("align_corners")),
        antialias=bool(given.get("antialias")),
        size=_pair(given["size"], 1),
        scale_factor=_pair(given["scale_factor"], 1.0),
        recompute_scale_factor=given.get("recompute_scale_factor"),
        input_size=_pixels(source),
        output_size=_pixels(result),
        channels=_whole(source.shape[1]),
    )


def from_operator(operator: str, values: Dict[str, Any], result: Any) -> Union[Intent, str]:
    """The intent of an operator executed without `interpolate`, or a text on why it has none."""
    if operator not in OPERATORS:
        return f"`{operator}`"
    mode, antialias = OPERATORS[operator]
    source, size = operand(values), _pixels(result)
    # PyTorch passes the factors on where it samples by them, and otherwise the size alone.
    names = ("scales_h", "scales_w") if source.dim() == 4 else ("scales",)
    factors: Any = values.get("scale_factors") or [values.get(name) for name in names]
    by_factor = None not in factors
    if by_factor and size != tuple(map(torch.output_size, _pixels(source), _pair(factors, 1.0))):
        return f"`{operator}` with factors that give another size than its own"
    arguments = {
        "input": source,
        "mode": mode,
        "align_corners": values.get("align_corners"),
        "antialias": antialias,
        "size": None if by_factor else size[: source.dim() - 2],
        "scale_factor": factors if by_factor else None,
    }
    return from_interpolate(arguments, result)


def operand(values: Dict[str, Any]) -> Any:
    """The input of a resize operator; its two overloads name it differently."""
    return values["self"] if "self" in values else values["input"]


def _pixels(maps: Any) -> Size:
    height, width = _pair([_whole(side) for side in maps.shape[2:]], 1)
    return height, width


def _pair(values: Any, width: Any) -> Any:
    """(height, width) of one or two values; a sequence has only the first."""
    return values if values is None else (*values, width)[:2]


def _whole(side: Any) -> int:
    """A side as a number, without fixing a side that an exporter lets vary."""
    node = getattr(side, "node", None)
    return int(side if node is None else node.hint)


def _factor(value: Any) -> float:
    node = getattr(value, "node", None)
    return float(value if node is None else node.hint)
