"""The steps that replacements are made of, as plain data without any file format.

A step reads an image [C, H, W] and makes another; dimensions before C do not change. Along each
axis it is a linear map, and channels never mix, so a list of steps is one map along H and one
along W: `computed` gives them.
"""

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.replacements.maps import LinearMap
from coreml_resize_fix.sampling import LARGEST_SIDE, AxisSpec

AXES = HEIGHT, WIDTH = 0, 1
Pair = Tuple[int, int]


class Step:
    """A step: its map along each axis, what it stores and what it costs."""

    def along(self, axis: int, size: int) -> Optional[LinearMap]:
        """The map of `size` pixels along an axis; None where nothing changes."""
        raise NotImplementedError

    @property
    def numbers(self) -> int:
        """How many numbers the step stores."""
        return 0

    def multiply_adds(self, read: int, made: int) -> int:
        """What a channel costs, of so many pixels read and made; choosing pixels costs nothing."""
        return 0


@dataclass(frozen=True)
class RepeatEdges(Step):
    """Repeat the edge pixels: [C, H, W] → [C, top + H + bottom, left + W + right].

    rows: (top, bottom); columns: (left, right).
    """

    rows: Pair
    columns: Pair

    def along(self, axis: int, size: int) -> LinearMap:
        before, after = (self.rows, self.columns)[axis]
        _check(size + before + after)
        return LinearMap.choosing(size, np.arange(-before, size + after))


@dataclass(frozen=True)
class Crop(Step):
    """Cut off the edges: [C, H, W] → [C, H - top - bottom, W - left - right].

    rows: (top, bottom); columns: (left, right).
    """

    rows: Pair
    columns: Pair

    def along(self, axis: int, size: int) -> LinearMap:
        before, after = (self.rows, self.columns)[axis]
        _check(size - before - after)
        return LinearMap.choosing(size, np.arange(before, size - after))


@dataclass(frozen=True)
class Kernel:
    """A pattern of weights along one axis, moved by `stride` from one place to the next.

    crop: of a deconvolution, how many outputs are cut off at each end.
    """

    weights: Tuple[float, ...]
    stride: int
    crop: int = 0


@dataclass(frozen=True)
class Convolution(Step):
    """A pattern of weights, the same in every channel: the outer product of two kernels."""

    rows: Kernel
    columns: Kernel
    channels: int

    @property
    def pattern(self) -> int:
        """How many weights the pattern has."""
        return len(self.rows.weights) * len(self.columns.weights)

    @property
    def numbers(self) -> int:
        return self.channels * self.pattern


@dataclass(frozen=True)
class Depthwise(Convolution):
    """A convolution with the same kernel for each channel, the outer product of two.

    [C, H, W] → [C, (H - k) // s + 1, (W - l) // t + 1] for kernels of k and l weights and strides
    s and t: output n is the sum over j of weights[j] * pixel[n * s + j].
    """

    def along(self, axis: int, size: int) -> LinearMap:
        kernel = (self.rows, self.columns)[axis]
        count = len(kernel.weights)
        outputs = (size - count) // kernel.stride + 1
        _check(outputs)
        index = kernel.stride * np.arange(outputs)[:, np.newaxis] + np.arange(count)
        weight = np.broadcast_to(np.array(kernel.weights), index.shape)
        return LinearMap(size, index, weight)

    def multiply_adds(self, read: int, made: int) -> int:
        return made * self.pattern


@dataclass(frozen=True)
class Deconvolution(Convolution):
    """Every pixel adds the same pattern to the outputs, in every channel.

    [C, H, W] → [C, (H - 1) * s + k - 2 * crop, …]: pixel q adds weights[j] to output
    q * s + j - crop.
    """

    def along(self, axis: int, size: int) -> LinearMap:
        kernel = (self.rows, self.columns)[axis]
        count = len(kernel.weights)
        outputs = (size - 1) * kernel.stride + count - 2 * kernel.crop
        _check(outputs)
        output = np.arange(outputs)[:, np.newaxis] + kernel.crop
        pixel = output // kernel.stride - np.arange(-(-count // kernel.stride))
        at = output - pixel * kernel.stride
        inside = (at < count) & (pixel >= 0) & (pixel < size)
        weight = np.where(inside, np.array(kernel.weights)[np.minimum(at, count - 1)], 0.0)
        return LinearMap(size, np.clip(pixel, 0, size - 1), weight)

    def multiply_adds(self, read: int, made: int) -> int:
        return read * self.pattern


class _Bilinear(Step):
    def multiply_adds(self, read: int, made: int) -> int:
        return 4 * made


@dataclass(frozen=True)
class UpsampleBilinear(_Bilinear):
    """Linear interpolation at i / s: [C, H, W] → [C, H * s, W * t].

    factors: s and t, whole numbers. Positions beyond the last pixel read the last pixel.
    """

    factors: Pair

    def along(self, axis: int, size: int) -> LinearMap:
        factor = self.factors[axis]
        _check(size * factor)
        return LinearMap.of(AxisSpec("linear", "asymmetric", size, size * factor))


@dataclass(frozen=True)
class ResizeBilinear(_Bilinear):
    """Linear interpolation at the middles of the outputs: [C, H, W] → [C, *size].

    size: (N, M). Output i reads (i + 1/2) H / N - 1/2; positions beyond the edge read the edge.
    """

    size: Pair

    def along(self, axis: int, size: int) -> LinearMap:
        _check(self.size[axis])
        return LinearMap.of(AxisSpec("linear", "half_pixel", size, self.size[axis]))


@dataclass(frozen=True)
class CropResize(_Bilinear):
    """Linear interpolation at evenly spaced points of a box: [C, H, W] → [C, *size].

    size: (height, width). box: (top, left, bottom, right), the first and the last points, in
    pixels, inside the image; of one point, the middle of the box.
    """

    size: Pair
    box: Tuple[float, float, float, float]

    def along(self, axis: int, size: int) -> LinearMap:
        start, end = self.box[axis], self.box[axis + 2]
        _check(self.size[axis])
        if min(start, end) < 0 or max(start, end) > size - 1:
            raise ValueError(f"the box leaves {size} pixels")
        spec = AxisSpec("linear", "align_endpoints", size, self.size[axis], box=(start, end))
        return LinearMap.of(spec)


@dataclass(frozen=True)
class Gather(Step):
    """Choose pixels along one axis (HEIGHT or WIDTH): its size becomes len(indices).

    indices: output n is pixel indices[n].
    """

    axis: int
    indices: Tuple[int, ...]

    def along(self, axis: int, size: int) -> Optional[LinearMap]:
        if axis != self.axis:
            return None
        _check(len(self.indices))
        index = np.array(self.indices)
        if index.min() < 0 or index.max() >= size:
            raise ValueError(f"an index is not in [0, {size})")
        return LinearMap.choosing(size, index)

    @property
    def numbers(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class MatMul(Step):
    """Any linear map along one axis (HEIGHT or WIDTH): its size X becomes N.

    map: N outputs of X pixels; its `matrix` has shape (N, X).
    """

    axis: int
    map: LinearMap

    def along(self, axis: int, size: int) -> Optional[LinearMap]:
        if axis != self.axis:
            return None
        if size != self.map.input_size:
            raise ValueError(f"{self.map.input_size} pixels are read of {size}")
        return self.map

    @property
    def numbers(self) -> int:
        return self.map.input_size * self.map.output_size

    def multiply_adds(self, read: int, made: int) -> int:
        return made * self.map.input_size


Steps = Tuple[Step, ...]


def computed(steps: Sequence[Step], axis: int, size: int) -> LinearMap:
    """The map of all steps along one axis of `size` pixels.

    Raises:
        ValueError: a step cannot be done: of an image that is too small, of another size than it is
            made for, or with a result that is larger than any image.
    """
    _check(size)
    whole = LinearMap.choosing(size, np.arange(size))
    for step in steps:
        part = step.along(axis, whole.output_size)
        whole = whole if part is None else part.after(whole)
    return whole


def multiply_adds(steps: Sequence[Step], channels: int, size: Pair) -> int:
    """What all steps cost of an image [channels, *size]."""
    total = 0
    for step in steps:
        maps = [step.along(axis, size[axis]) for axis in AXES]
        rows, columns = (
            before if part is None else part.output_size for before, part in zip(size, maps)
        )
        total += channels * step.multiply_adds(size[0] * size[1], rows * columns)
        size = rows, columns
    return total


def _check(size: int) -> None:
    if not 1 <= size <= LARGEST_SIDE:
        raise ValueError(f"{size} pixels are not an image")
