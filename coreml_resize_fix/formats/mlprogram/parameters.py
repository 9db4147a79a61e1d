"""Read an operation, and the values it names, as the resize that it is."""

import math
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram import constants
from coreml_resize_fix.formats.mlprogram.inventory import AvgPool, Unjudged
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    ResizeNearest,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.mlprogram.program import Operation
from coreml_resize_fix.formats.mlprogram.scopes import Scope

ResizeOperation = Union[
    UpsampleBilinear, UpsampleNearest, ResizeBilinear, ResizeNearest, ResizeToShape
]
Listed = Union[ResizeOperation, AvgPool, Unjudged]

# Operations that sample at coordinates of their own: listed, and not judged (`crop-resize-modes` of
# conventions/measured.json).
SAMPLERS = ("crop_resize", "resample", "affine")

_AVG_POOL = "avg_pool"
_MOST_SHOWN = 8  # elements of a parameter


class _UnreadableError(Exception):
    """A parameter has a value that MIL does not allow; caught in this module."""


class Parameters:
    """The constants that one operation's parameters are bound to."""

    def __init__(self, operation: Operation, scope: Scope) -> None:
        self._operation, self._scope = operation, scope

    def __contains__(self, name: str) -> bool:
        return bool(self._operation.inputs.get(name))

    def numbers(self, name: str) -> Optional[Tuple[constants.Number, ...]]:
        """All numbers of a parameter, or None if it is not a constant, or one in another file."""
        value = self._scope.parameter(self._operation, name)
        return None if value is None else constants.numbers(value)

    def whole(self, name: str, default: Tuple[int, ...]) -> Tuple[int, ...]:
        """Whole numbers; the default if the parameter is absent."""
        found = self.numbers(name) if name in self else default
        if found is None or any(not isinstance(one, int) for one in found):
            raise _UnreadableError(f"`{name}` is not a constant of whole numbers")
        return tuple(int(one) for one in found)

    def size(self, name: str) -> int:
        """One whole number of at least 0; 1 if the parameter is absent."""
        found = self.whole(name, (1,))
        if len(found) != 1 or found[0] < 0:
            raise _UnreadableError(f"`{name}` is not a size")
        return found[0]

    def factor(self, name: str) -> mil.Factor:
        """One number of at least 0; 1 if the parameter is absent."""
        found = self.numbers(name) if name in self else (1,)
        if found is None or len(found) != 1:
            raise _UnreadableError(f"`{name}` is not a constant number")
        if not math.isfinite(found[0]) or found[0] < 0:
            raise _UnreadableError(f"`{name}` is {found[0]}")
        return int(found[0]) if isinstance(found[0], (bool, int)) else found[0]

    def flag(self, name: str, default: Optional[bool]) -> Optional[bool]:
        """One truth value; the default if the parameter is absent."""
        if name not in self:
            return default
        found = self.numbers(name)
        if found is None or len(found) != 1:
            raise _UnreadableError(f"`{name}` is not a constant")
        return bool(found[0])

    def word(self, name: str, default: str) -> str:
        """One string; the default if the parameter is absent."""
        value = self._scope.parameter(self._operation, name)
        found = None if value is None else constants.text(value)
        if found is None and name in self:
            raise _UnreadableError(f"`{name}` is not a constant")
        return default if found is None else found

    def shown(self) -> Tuple[Tuple[str, Any], ...]:
        """What is known of all parameters but the input itself, in the order of their names."""
        result: List[Tuple[str, Any]] = []
        for name in sorted(set(self._operation.inputs) - {"x"}):
            value = self._scope.parameter(self._operation, name)
            found = None if value is None else constants.elements(value, _MOST_SHOWN)
            if found:
                result.append((name, found[0] if len(found) == 1 else found))
        return tuple(result)


def read(operation: Operation, scope: Scope) -> Optional[Listed]:
    """The resize that an operation is, an Unjudged one if its parameters cannot be read, or None.

    None for an operation that resizes nothing, and for an avg_pool of other than two axes.
    """
    parameters = Parameters(operation, scope)
    if operation.kind in SAMPLERS:
        return Unjudged(operation.kind, parameters.shown(), "it samples at coordinates of its own")
    reader = _READERS.get(operation.kind)
    if reader is None:
        return None
    try:
        if len(operation.inputs.get("x", ())) != 1 or len(operation.outputs) != 1:
            raise _UnreadableError("it does not make one value of one `x`")
        return reader(parameters)
    except _UnreadableError as error:
        if operation.kind == _AVG_POOL:
            return None
        return Unjudged(operation.kind, parameters.shown(), str(error))


def _upsample_bilinear(given: Parameters) -> Listed:
    aligned = bool(given.flag("align_corners", True))
    half = given.flag("half_pixel_centers", None)
    if (aligned, not aligned if half is None else half) not in mil.UPSAMPLE_GRIDS:
        raise _UnreadableError("nothing says what both aligned corners and half-pixel centers mean")
    factors = given.factor("scale_factor_height"), given.factor("scale_factor_width")
    return UpsampleBilinear(*factors, align_corners=aligned, half_pixel_centers=half)


def _upsample_nearest(given: Parameters) -> Listed:
    return UpsampleNearest(given.factor("scale_factor_height"), given.factor("scale_factor_width"))


def _resize_bilinear(given: Parameters) -> Listed:
    size = given.size("target_size_height"), given.size("target_size_width")
    return ResizeBilinear(*size, sampling_mode=_mode(given))


def _resize_nearest(given: Parameters) -> Listed:
    return ResizeNearest(given.size("target_size_height"), given.size("target_size_width"))


def _resize_to_shape(given: Parameters) -> Listed:
    shape = given.numbers("shape")
    resized = given.whole("resized_dims", (0,))
    if len(resized) != 1 or resized[0] not in (1, 2):
        raise _UnreadableError(f"it resizes {resized[0] if resized else 0} dimensions")
    if shape is not None and (len(shape) < resized[0] or min(shape) < 0):
        raise _UnreadableError(f"its `shape` is {list(shape)}")
    interpolation = given.word("interpolation_mode", "LINEAR")
    if interpolation not in mil.INTERPOLATIONS:
        raise _UnreadableError(f"its interpolation mode `{interpolation}` is not known")
    whole = None if shape is None else tuple(int(size) for size in shape)
    return ResizeToShape(whole, resized[0], interpolation, _mode(given))


def _mode(given: Parameters) -> str:
    mode = given.word("sampling_mode", "DEFAULT")
    if mode not in mil.SAMPLING_MODES:
        raise _UnreadableError(f"its sampling mode `{mode}` is not known")
    return mode


def _avg_pool(given: Parameters) -> Listed:
    kernel, strides = given.whole("kernel_sizes", ()), given.whole("strides", (1, 1))
    pad_type = given.word("pad_type", "valid")
    pad = given.whole("pad", (0, 0, 0, 0)) if pad_type == "custom" else (0, 0, 0, 0)
    if (len(kernel), len(strides), len(pad)) != (2, 2, 4) or min(kernel + strides) < 1:
        raise _UnreadableError("it pools other axes than height and width")
    return AvgPool(
        (kernel[0], kernel[1]),
        (strides[0], strides[1]),
        pad_type,
        (pad[0], pad[1], pad[2], pad[3]),
        bool(given.flag("exclude_padding_from_average", False)),
        bool(given.flag("ceil_mode", False)),
    )


_READERS: Dict[str, Callable[[Parameters], Listed]] = {
    "upsample_bilinear": _upsample_bilinear,
    "upsample_nearest_neighbor": _upsample_nearest,
    "resize_bilinear": _resize_bilinear,
    "resize_nearest_neighbor": _resize_nearest,
    "resize": _resize_to_shape,
    _AVG_POOL: _avg_pool,
}
