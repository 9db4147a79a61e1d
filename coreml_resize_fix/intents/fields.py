"""The fields of a manifest as a table: what each may hold, and what two must not hold together."""

import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.dialects import torch
from coreml_resize_fix.intents.model import ALIGN_CORNERS_MODES, FRAMEWORKS, MODES

Defects = List[Tuple[str, str]]

# A side longer than this is no image; it would only ask for memory.
LARGEST_SIDE = 65536


def said(value: Any) -> str:
    """A JSON value as it may appear in a message."""
    names = {dict: "an object", list: "a list", bool: "a boolean", type(None): "null"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return "{} ({})".format(name, str(value).lower()) if kind is bool else name
    text = repr(value)
    return "`{}`".format(text if len(text) <= 40 else text[:37] + "…")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _side(value: Any) -> Optional[int]:
    return value if _is_int(value) and 1 <= value <= LARGEST_SIDE else None


def _factor(value: Any) -> Optional[float]:
    if not (_is_int(value) or isinstance(value, float)):
        return None
    factor = float(value) if abs(value) < 1e9 else math.inf
    return factor if 0 < factor <= LARGEST_SIDE else None


def _pair(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Two values, or one that counts for both axes, as interpolate takes them."""

    def read_pair(value: Any) -> Any:
        both = value if isinstance(value, list) else [value, value]
        pair = tuple(read(item) for item in both)
        return pair if len(pair) == 2 and None not in pair else None

    return read_pair


def _one_of(choices: Tuple[str, ...]) -> Callable[[Any], Any]:
    return lambda value: value if isinstance(value, str) and value in choices else None


def _boolean(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else None


class ManifestField(NamedTuple):
    """`convert` gives the value, or None if it is not what `expected` says."""

    expected: str
    convert: Callable[[Any], Any]

    def read(self, value: Any, where: str, defects: Defects) -> Any:
        """The checked value; null and absent are None; a wrong one is a defect and None."""
        if value is None:
            return None
        result = self.convert(value)
        if result is None:
            defects.append((where, "expected {}, not {}".format(self.expected, said(value))))
        return result


_SIZE = ManifestField(
    "[height, width] as whole numbers from 1 to {}".format(LARGEST_SIDE), _pair(_side)
)
_FRAMEWORK = ManifestField("one of " + ", ".join(FRAMEWORKS), _one_of(FRAMEWORKS))

PRODUCER: Dict[str, ManifestField] = {
    "framework": _FRAMEWORK,
    "version": ManifestField('a version as text, such as "1.4.0"', _text),
}

RESIZE: Dict[str, ManifestField] = {
    "name": ManifestField("text", _text),
    "layer": ManifestField("a layer's name, output blob or address, as text", _text),
    "framework": _FRAMEWORK,
    "mode": ManifestField("one of " + ", ".join(MODES), _one_of(MODES)),
    "align_corners": ManifestField("true, false or null", _boolean),
    "antialias": ManifestField("true, false or null", _boolean),
    "size": _SIZE,
    "scale_factor": ManifestField(
        "a number above 0, or [height, width] factors above 0", _pair(_factor)
    ),
    "recompute_scale_factor": ManifestField("true, false or null", _boolean),
    "input_size": _SIZE,
    "output_size": _SIZE,
    "channels": ManifestField(
        "a whole number above 0", lambda v: v if _is_int(v) and v > 0 else None
    ),
}


def check_together(values: Dict[str, Any], where: str, defects: Defects) -> None:
    """Defects of fields that are right alone and contradict each other."""
    mode = values.get("mode", "bilinear")
    size, factor = values.get("size"), values.get("scale_factor")
    before, after = values.get("input_size"), values.get("output_size")
    torch_call = values.get("framework", "torch") == "torch"
    scaled: Optional[Tuple[int, ...]] = None
    if factor is not None and before is not None:
        scaled = tuple(torch.output_size(n, f) for n, f in zip(before, factor))
    rules = (
        (
            size is not None and factor is not None,
            "",
            "`size` and `scale_factor` exclude each other, as in interpolate",
        ),
        (
            size is not None and after is not None and size != after,
            ".output_size",
            "`output_size` {} contradicts `size` {}".format(_show(after), _show(size)),
        ),
        (
            scaled is not None and after is not None and scaled != after,
            ".output_size",
            "`output_size` {} contradicts `input_size` × `scale_factor`, which gives {}".format(
                _show(after), _show(scaled)
            ),
        ),
        (
            scaled is not None and 0 in scaled,
            ".scale_factor",
            "this factor makes a size of 0 from {}".format(_show(before)),
        ),
        (
            torch_call and values.get("align_corners") is True and mode not in ALIGN_CORNERS_MODES,
            ".align_corners",
            "`align_corners` goes with bilinear and bicubic only, not with `{}`".format(mode),
        ),
        (
            values.get("antialias") is True and mode not in ALIGN_CORNERS_MODES,
            ".antialias",
            "`antialias` goes with bilinear and bicubic only, not with `{}`".format(mode),
        ),
        (
            size is not None and values.get("recompute_scale_factor") is True,
            ".recompute_scale_factor",
            "`recompute_scale_factor` has no meaning with an explicit `size`",
        ),
        (
            not torch_call and mode not in ("nearest", "bilinear"),
            ".mode",
            "`{}` is known for torch only".format(mode),
        ),
    )
    defects.extend((where + step, what) for broken, step, what in rules if broken)


def _show(size: Any) -> str:
    return "×".join(str(n) for n in size) if size else "-"
