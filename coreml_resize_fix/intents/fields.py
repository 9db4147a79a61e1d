"""Check the fields of a manifest, each alone; `contradictions.py` checks them together."""

import math
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from coreml_resize_fix.conventions import onnx
from coreml_resize_fix.intents.model import FRAMEWORKS, MODES

Defects = List[Tuple[str, str]]  # JSON path, what is wrong there

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
    """A field of a manifest: `convert` makes the value for `Intent` of a JSON value.

    It returns None for what is not as `expected` describes. `instead` says what to do about values
    that are known, but `refused`.
    """

    expected: str
    convert: Callable[[Any], Any]
    refused: Tuple[str, ...] = ()
    instead: str = ""

    def read(self, value: Any, where: str, defects: Defects) -> Any:
        """The value for `Intent`; None for null, and for a wrong value, which is a defect."""
        if value is None:
            return None
        result = self.convert(value)
        if result is None:
            more = f"; {self.instead}" if value in self.refused else ""
            defects.append((where, f"expected {self.expected}, not {json_text(value)}{more}"))
        return result


_SIZE = ManifestField(f"[height, width] as whole numbers from 1 to {LARGEST_SIDE}", _pair(_side))
_BOOLEAN = ManifestField("true, false or null", _boolean)


class _SizePairs:
    """A list of [input size, output size], each checked in its own place."""

    expected = "a list of [input size, output size]"

    def read(self, value: Any, where: str, defects: Defects) -> Any:
        """The pairs for `Intent`; None for null, and for wrong values, which are defects."""
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

RESIZE: Dict[str, Union[ManifestField, _SizePairs]] = {
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
    "sizes": _SizePairs(),
    "input_is_parameter": _BOOLEAN,
    "site": ManifestField('a file and line as text, such as "net.py:14"', _text),
}
