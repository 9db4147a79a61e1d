"""Check the fields of a manifest: a table of their values, and rules for fields together."""

import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from coreml_resize_fix.conventions import onnx, torch
from coreml_resize_fix.intents.model import FRAMEWORKS, MODES, ONNX_FIELDS, calls

Defects = List[Tuple[str, str]]

# No image has a longer side; a longer one would only take memory.
LARGEST_SIDE = 65536


def json_text(value: Any) -> str:
    """A short text of a JSON value for messages."""
    names = {dict: "an object", list: "a list", bool: "a boolean", type(None): "null"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return f"{name} ({str(value).lower()})" if kind is bool else name
    text = repr(value)
    return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}…`"


def _number(value: Any) -> Any:
    """The value if it is a finite number, else None."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and abs(value) < math.inf else None


def whole(value: Any) -> Optional[int]:
    """A whole number above 0; JSON has one kind of number, so 25.0 is 25."""
    number = _number(value)
    return int(number) if number is not None and number >= 1 and number == int(number) else None


def _side(value: Any) -> Optional[int]:
    side = whole(value)
    return side if side is not None and side <= LARGEST_SIDE else None


def _factor(value: Any) -> Optional[float]:
    number = _number(value)
    return float(number) if number is not None and 0 < number <= LARGEST_SIDE else None


def _pair(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Convert two values, or one that counts for both axes, as interpolate takes them."""

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
    """`convert` returns the value, or None if it is not what `expected` describes.

    instead: what to do about values that are known, but `refused`.
    """

    expected: str
    convert: Callable[[Any], Any]
    refused: Tuple[str, ...] = ()
    instead: str = ""

    def read(self, value: Any, where: str, defects: Defects) -> Any:
        """The checked value; null and absent are None; a wrong one is a defect and None."""
        if value is None:
            return None
        result = self.convert(value)
        if result is None:
            more = f"; {self.instead}" if value in self.refused else ""
            defects.append((where, f"expected {self.expected}, not {json_text(value)}{more}"))
        return result


_SIZE = ManifestField(f"[height, width] as whole numbers from 1 to {LARGEST_SIDE}", _pair(_side))
_BOOLEAN = ManifestField("true, false or null", _boolean)


class _Pairs:
    """A list of [input size, output size], each checked in its own place."""

    expected = "a list of [input size, output size]"

    def read(self, value: Any, where: str, defects: Defects) -> Any:
        """The checked pairs; null and absent are None; wrong ones are defects and None."""
        if value is None:
            return None
        if not isinstance(value, list) or not value:
            what = "an empty list" if value == [] else json_text(value)
            defects.append((where, f"expected {self.expected}, not {what}"))
            return None
        found = [_size_pair(item, f"{where}[{index}]", defects) for index, item in enumerate(value)]
        return None if None in found else tuple(found)


def _size_pair(value: Any, where: str, defects: Defects) -> Any:
    if not isinstance(value, list) or len(value) != 2:
        defects.append((where, f"expected [input size, output size], not {json_text(value)}"))
        return None
    sizes = []
    for index, item in enumerate(value):
        if item is None:
            defects.append((f"{where}[{index}]", f"expected {_SIZE.expected}, not null"))
        sizes.append(_SIZE.read(item, f"{where}[{index}]", defects))
    return None if None in sizes else tuple(sizes)


def _choice(choices: Tuple[str, ...]) -> ManifestField:
    return ManifestField("one of " + ", ".join(choices), _one_of(choices))


_FRAMEWORK = _choice(FRAMEWORKS)
_FILTERS = ("lanczos3", "lanczos5", "gaussian", "mitchellcubic")
# tf_crop_and_resize needs a box, which a manifest does not have.
_COORDINATES = tuple(name for name in onnx.COORDINATE_MODES if name != "tf_crop_and_resize")

PRODUCER: Dict[str, ManifestField] = {
    "framework": _FRAMEWORK,
    "version": ManifestField('a version as text, such as "1.4.0"', _text),
}

RESIZE: Dict[str, Union[ManifestField, _Pairs]] = {
    "name": ManifestField("text", _text),
    "layer": ManifestField("a layer's name, output blob or address, as text", _text),
    "framework": _FRAMEWORK,
    "mode": _choice(MODES)._replace(
        refused=_FILTERS,
        instead="this filter of tf.image.resize is not compared: resize with bilinear or bicubic "
        "in the network, with antialias where it is made smaller, or leave the entry out",
    ),
    "align_corners": _BOOLEAN,
    "antialias": _BOOLEAN,
    "size": _SIZE,
    "scale_factor": ManifestField(
        f"a factor above 0 and up to {LARGEST_SIDE}, or [height, width] of two",
        _pair(_factor),
    ),
    "recompute_scale_factor": _BOOLEAN,
    "input_size": _SIZE,
    "output_size": _SIZE,
    "channels": ManifestField("a whole number above 0", whole),
    "coordinate_transformation_mode": _choice(_COORDINATES),
    "nearest_mode": _choice(onnx.NEAREST_MODES),
    "cubic_coeff_a": ManifestField("a number", _number),
    "exclude_outside": _BOOLEAN,
    "used": _BOOLEAN,
    "sizes": _Pairs(),
    "input_is_parameter": _BOOLEAN,
    "site": ManifestField('a file and line as text, such as "net.py:14"', _text),
}


def check_together(values: Dict[str, Any], where: str, defects: Defects) -> None:
    """Report fields that are valid alone but contradict each other."""
    mode = values.get("mode", "bilinear")
    size, factor = values.get("size"), values.get("scale_factor")
    before, after = values.get("input_size"), values.get("output_size")
    framework = values.get("framework", "torch")
    only_onnx = [name for name in ONNX_FIELDS if values.get(name) is not None]
    scaled = None if before is None else _scaled(before, factor)
    pairs = values.get("sizes") or ()
    rules = (
        (
            size is not None and factor is not None,
            "",
            "`size` and `scale_factor` exclude each other, as in interpolate",
        ),
        (
            size is not None and after is not None and size != after,
            ".output_size",
            f"`output_size` {_show(after)} contradicts `size` {_show(size)}",
        ),
        (
            scaled is not None and after is not None and scaled != after,
            ".output_size",
            f"`output_size` {_show(after)} contradicts `input_size` × `scale_factor`, which gives "
            f"{_show(scaled)}",
        ),
        (
            scaled is not None and not all(1 <= n <= LARGEST_SIDE for n in scaled),
            ".scale_factor",
            f"this factor makes {_show(scaled)} from {_show(before)}, and a side has 1 to "
            f"{LARGEST_SIDE} pixels",
        ),
        (
            bool(pairs) and None not in (before, after) and (before, after) not in pairs,
            ".sizes",
            f"the observed {_show(before)} → {_show(after)} contradicts `sizes`: it is not in them",
        ),
        (
            bool(pairs) and size is not None and all(size != made for _, made in pairs),
            ".sizes",
            f"`size` {_show(size)} contradicts `sizes`: no example has made it",
        ),
        (
            size is not None and values.get("recompute_scale_factor") is True,
            ".recompute_scale_factor",
            "`recompute_scale_factor` has no meaning with an explicit `size`",
        ),
        (
            mode not in {known for known, _, _ in calls(framework)},
            ".mode",
            f"`{mode}` is not known for {framework}",
        ),
        *(
            (
                values.get(name) is True and mode not in modes,
                "." + name,
                f"`{name}` goes with {' and '.join(modes)} only, not with `{mode}`"
                if modes
                else f"`{framework}` has no `{name}` with `{mode}`",
            )
            for name, modes in _modes_with(framework).items()
        ),
        (
            bool(only_onnx) and framework != "onnx",
            "." + "".join(only_onnx[:1]),
            f"`{', '.join(only_onnx)}` is known for onnx only",
        ),
    )
    defects.extend((where + step, what) for broken, step, what in rules if broken)
    for index, (given, made) in enumerate(pairs):
        wanted = _scaled(given, factor)
        if wanted not in (None, made):
            defects.append(
                (
                    f"{where}.sizes[{index}][1]",
                    f"{_show(made)} contradicts {_show(given)} × `scale_factor`, which gives "
                    f"{_show(wanted)}",
                )
            )


def _modes_with(framework: str) -> Dict[str, List[str]]:
    """Option -> the modes that it goes with."""
    known = calls(framework)
    options = {"align_corners": (True, False), "antialias": (False, True)}
    return {
        name: [mode for mode in MODES if (mode, *values) in known]
        for name, values in options.items()
    }


def _scaled(size: Any, factor: Any) -> Optional[Tuple[int, ...]]:
    """The size that a factor makes; None if there is none."""
    if factor is None:
        return None
    return tuple(torch.output_size(n, f) for n, f in zip(size, factor))


def _show(size: Any) -> str:
    return "×".join(str(n) for n in size) if size else "-"
