"""Compute the operations of a replacement on the kernels, for its proof.

Sources: the documentation of coremltools' MIL operators. Arithmetic is in float64, on the weights
as stored.
"""

from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.steps import Constant, Made, Packed, Read, Step
from coreml_resize_fix.verify.kernels import arrays, convolution, pooling, resampling, windows
from coreml_resize_fix.verify.kernels.checks import KernelError

__all__ = ["KINDS", "Given", "NotKnownError", "run_on_images"]

_MOST_ELEMENTS = 1 << 28  # numbers of one map, 2 GiB; what is compared has fewer

_TYPES: Dict[str, str] = {
    "FLOAT16": "<f2",
    "FLOAT32": "<f4",
    "FLOAT64": "<f8",
    "INT8": "i1",
    "UINT8": "u1",
    "INT16": "<i2",
    "UINT16": "<u2",
    "INT32": "<i4",
    "UINT32": "<u4",
    "INT64": "<i8",
}


class NotKnownError(KernelError):
    """An operation is of another kind, or has other parameters, than replacements have."""


class Given:
    """The constants of one operation."""

    def __init__(self, operation: Step) -> None:
        self._constants: Dict[str, Any] = {
            name: given for name, given in operation.inputs if isinstance(given, (Constant, Packed))
        }

    def __contains__(self, name: str) -> bool:
        return name in self._constants

    def array(self, name: str) -> np.ndarray:
        """The numbers of a parameter: float64, or whole.

        Raises:
            NotKnownError: they do not fill its shape, or are no finite numbers.
        """
        held = self._constants.get(name)
        if held is None or held.data_type not in _TYPES:
            raise NotKnownError(f"`{name}` is not a constant of numbers")
        if isinstance(held, Packed):
            found = np.frombuffer(held.data, _TYPES[held.data_type])
        else:
            found = np.array(held.numbers, _TYPES[held.data_type])
        if found.size != int(np.prod(held.dims, dtype=np.int64)):
            raise NotKnownError(f"`{name}` does not fill its shape")
        if found.dtype.kind == "f":
            found = found.astype(np.float64)
            if not np.isfinite(found).all():
                raise NotKnownError(f"`{name}` is not finite")
        return np.asarray(found.reshape(held.dims))

    def whole(self, name: str, default: Sequence[int] = ()) -> Tuple[int, ...]:
        """Whole numbers, or the default if there is no such parameter."""
        if name not in self:
            return tuple(default)
        found = self.array(name)
        if found.dtype.kind not in "iu":
            raise NotKnownError(f"`{name}` are no whole numbers")
        return tuple(int(one) for one in found.ravel())

    def one(self, name: str, default: int) -> int:
        """One whole number."""
        found = self.whole(name, (default,))
        if len(found) != 1:
            raise NotKnownError(f"`{name}` is not one number")
        return found[0]

    def flags(self, name: str, default: Sequence[bool]) -> Tuple[bool, ...]:
        """Truth values."""
        held = self._constants.get(name)
        return tuple(map(bool, held.numbers)) if isinstance(held, Constant) else tuple(default)

    def word(self, name: str, default: str) -> str:
        """One string."""
        held = self._constants.get(name)
        return str(held.numbers[0]) if isinstance(held, Constant) else default


def edges(given: Given) -> windows.Edges:
    """`pad` of two axes; without a type of its own, nothing.

    Raises:
        NotKnownError: it is of other axes.
    """
    pad_type = given.word("pad_type", "valid")
    if pad_type == "valid":
        return windows.NO_EDGES
    sizes = given.whole("pad", (0, 0, 0, 0))
    if pad_type != "custom" or len(sizes) != 4 or min(sizes) < 0:
        raise NotKnownError(f"`pad_type` is `{pad_type}`, `pad` {list(sizes)}")
    return (sizes[0], sizes[1]), (sizes[2], sizes[3])


def repeated(given: Given) -> windows.Edges:
    """How much a `pad` adds to height and width: nothing is added to other axes.

    Raises:
        NotKnownError: it does something else than to repeat the edges.
    """
    sizes = given.whole("pad")
    if given.word("mode", "constant") != "replicate" or len(sizes) % 2 or len(sizes) < 4:
        raise NotKnownError("`pad` does not repeat the edges of images")
    if any(sizes[:-4]) or min(sizes) < 0:
        raise NotKnownError("`pad` adds to other axes")
    return (sizes[-4], sizes[-3]), (sizes[-2], sizes[-1])


def cut(given: Given) -> windows.Edges:
    """What a `slice_by_index` cuts off from height and width, counted from both ends.

    Raises:
        NotKnownError: it takes every other element, cuts other axes, or counts from another end.
    """
    begin, end = given.whole("begin"), given.whole("end")
    rank = len(begin)
    none = (False,) * rank
    begin_mask, end_mask = given.flags("begin_mask", none), given.flags("end_mask", none)
    if any(given.flags("squeeze_mask", none)) or set(given.whole("stride", (1,))) != {1}:
        raise NotKnownError("`slice_by_index` does not cut edges off")
    first = [0 if mask else at for at, mask in zip(begin, begin_mask)]
    last = [0 if mask else at for at, mask in zip(end, end_mask)]
    open_end = [mask or at < 0 for at, mask in zip(end, end_mask)]
    if min(first) < 0 or any(first[:-2]) or any(last[:-2]) or not all(open_end):
        raise NotKnownError("`slice_by_index` does not cut edges off")
    return (first[-2], -last[-2]), (first[-1], -last[-1])


def _need_room(image: np.ndarray, size: Sequence[int]) -> None:
    """Refuse what only a damaged file asks for, before it takes all memory."""
    if min(size) < 1 or image.shape[-3] * size[0] * size[1] > _MOST_ELEMENTS:
        raise KernelError(f"makes {size[0]}×{size[1]}")


def _pad(image: np.ndarray, given: Given) -> np.ndarray:
    added = repeated(given)
    _need_room(image, [side + sum(more) for side, more in zip(image.shape[-2:], added)])
    return windows.repeat_edges(image, added)


def _slice(image: np.ndarray, given: Given) -> np.ndarray:
    return windows.crop(image, cut(given))


def _gather(image: np.ndarray, given: Given) -> np.ndarray:
    if given.one("batch_dims", 0):
        raise NotKnownError("`gather` has batches")
    return arrays.gather(image, given.array("indices"), given.one("axis", 0))


def _matmul(image: np.ndarray, given: Given) -> np.ndarray:
    flags = [given.flags(name, (False,))[0] for name in ("transpose_x", "transpose_y")]
    if "x" in given:
        return arrays.matmul(given.array("x"), image, *flags)
    return arrays.matmul(image, given.array("y"), *flags)


def _conv(image: np.ndarray, given: Given) -> np.ndarray:
    """Of as many channels as the image has here: one group each, and there may be more."""
    weight = given.array("weight")[: image.shape[-3]]
    return convolution.convolve(
        image, weight, None, _pair(given, "strides"), _pair(given, "dilations"), edges(given),
        len(weight),
    )  # fmt: skip


def _conv_transpose(image: np.ndarray, given: Given) -> np.ndarray:
    weight = given.array("weight")[: image.shape[-3]]
    strides = _pair(given, "strides")
    _need_room(image, [side * step for side, step in zip(image.shape[-2:], strides)])
    return convolution.deconvolve(
        image, weight, None, strides, _pair(given, "dilations"), edges(given), len(weight)
    )


def _avg_pool(image: np.ndarray, given: Given) -> np.ndarray:
    if given.flags("ceil_mode", (False,))[0]:
        raise NotKnownError("`avg_pool` rounds its size up")
    kernel = _pair(given, "kernel_sizes")
    return pooling.average_pool(image, kernel, _pair(given, "strides"), edges(given))


def _pair(given: Given, name: str) -> Tuple[int, int]:
    found = given.whole(name, (1, 1))
    if len(found) != 2 or min(found) < 1:
        raise NotKnownError(f"`{name}` is {list(found)}")
    return found[0], found[1]


def _resize_bilinear(image: np.ndarray, given: Given) -> np.ndarray:
    size = given.one("target_size_height", 1), given.one("target_size_width", 1)
    _need_room(image, size)
    return resampling.resize(image, size, given.word("sampling_mode", "DEFAULT"))


def _upsample_bilinear(image: np.ndarray, given: Given) -> np.ndarray:
    """By whole factors, the first pixels of image and result at one place."""
    if given.flags("align_corners", (True,))[0] or given.flags("half_pixel_centers", (True,))[0]:
        raise NotKnownError("`upsample_bilinear` has another grid")
    factors = given.one("scale_factor_height", 1), given.one("scale_factor_width", 1)
    size = [side * factor for side, factor in zip(image.shape[-2:], factors)]
    _need_room(image, size)
    return resampling.resize(image, size, "DEFAULT")


def _same(image: np.ndarray, given: Given) -> np.ndarray:
    return image


KINDS: Dict[str, Callable[[np.ndarray, Given], np.ndarray]] = {
    "avg_pool": _avg_pool,
    "cast": _same,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "gather": _gather,
    "matmul": _matmul,
    "pad": _pad,
    "resize_bilinear": _resize_bilinear,
    "slice_by_index": _slice,
    "upsample_bilinear": _upsample_bilinear,
}


def run_on_images(operations: Sequence[Step], images: np.ndarray, rank: int) -> np.ndarray:
    """What operations, one after the other, make of images: (…, H, W) → (…, H', W').

    Images take the place of channels.

    Raises:
        KernelError: an operation is not known here, or used as its documentation forbids.
    """
    planes = np.asarray(images, np.float64).reshape((-1,) + images.shape[-2:])
    weights = [Given(one).array("weight") for one in operations if "weight" in Given(one)]
    if any(weight.ndim != 4 for weight in weights):
        raise KernelError("the weights of a convolution have rank 4 here")
    groups = [len(weight) for weight in weights]
    channels = min([len(planes), *groups])
    made: List[np.ndarray] = []
    for first in range(0, len(planes), channels):
        # The last ones repeat, so that there are as many as channels.
        part = planes[np.minimum(np.arange(first, first + channels), len(planes) - 1)]
        result = part.reshape((1,) * (rank - 3) + part.shape)
        for number, operation in enumerate(operations):
            if operation.kind not in KINDS:
                raise KernelError(f"`{operation.kind}` is not known here")
            _need_order(number, operation)
            result = _computed(operation, result)
        made.append(result.reshape(result.shape[-3:]))
    flat = np.concatenate(made)[: len(planes)]
    return np.asarray(flat.reshape(images.shape[:-2] + flat.shape[-2:]))


def _computed(operation: Step, image: np.ndarray) -> np.ndarray:
    try:
        return KINDS[operation.kind](image, Given(operation))
    except (LookupError, ArithmeticError, TypeError) as error:
        raise KernelError(f"`{operation.kind}` has parameters that make no sense") from error


def _need_order(number: int, operation: Step) -> None:
    """Each reads what the one before makes, the first what was there."""
    read = [given for _, given in operation.inputs if isinstance(given, (Made, Read))]
    wanted: Any = Made(number - 1) if number else read[0] if read else None
    if len(read) != 1 or read[0] != wanted or isinstance(read[0], Read) == bool(number):
        raise KernelError(f"`{operation.kind}` does not read what is before it")
