"""Core ML's resize layers in numpy, written down a second time.

The verdicts compare closed formulas (`dialects.coreml`). A proof that used the same formulas would
repeat their mistakes, so the layers are computed here in the other form in which Apple documents
them: as a `linspace` of positions, and pixel by pixel.
"""

from typing import Any, Callable, Dict, Optional, Sequence, Set, Tuple

import numpy as np

from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.neuralnetwork.parameters import Composite, ResizeBilinear, Upsample
from coreml_resize_fix.formats.neuralnetwork.pooling import Pooling

_BLOCK = 256  # outputs at a time, so that no second map is held in memory

# (input size, output size) → source position of every output pixel along one axis
Positions = Callable[[int, int], np.ndarray]


def _strict(count: int, wanted: int) -> np.ndarray:
    return np.linspace(0, count - 1, wanted) if wanted > 1 else np.zeros(1)


def _endpoints(count: int, wanted: int) -> np.ndarray:
    return np.linspace(0, count - 1, wanted) if wanted > 1 else np.array([(count - 1) / 2])


def _upsample(count: int, wanted: int) -> np.ndarray:
    return np.minimum(count - 1, np.linspace(0, count - count / wanted, wanted))


def _roi_align(count: int, wanted: int) -> np.ndarray:
    spacing = max(1, count - 1) / wanted
    return np.linspace(spacing / 2, spacing * (wanted - 0.5), wanted)


def _half_pixel(count: int, wanted: int) -> np.ndarray:
    spacing = count / wanted
    return np.linspace(spacing / 2 - 0.5, count - 0.5 - spacing / 2, wanted)


# Sources: SamplingMode and UpsampleLayerParams in Apple's NeuralNetwork.proto.
RESIZE_BILINEAR: Dict[str, Positions] = {
    "STRICT_ALIGN_ENDPOINTS_MODE": _strict,
    "ALIGN_ENDPOINTS_MODE": _endpoints,
    "UPSAMPLE_MODE": _upsample,
    "ROI_ALIGN_MODE": _roi_align,
}
UPSAMPLE_BILINEAR: Dict[str, Positions] = {
    "DEFAULT": _upsample,
    "ALIGN_CORNERS_TRUE": _strict,
    "ALIGN_CORNERS_FALSE": _half_pixel,
}


def run(
    params: ResizeOp, images: np.ndarray, output_size: Optional[Tuple[int, int]] = None
) -> np.ndarray:
    """What the layer makes of `images`, (…, height, width) → (…, new height, new width).

    `output_size` is for factors whose rounding leaves the size open.
    """
    height, width = images.shape[-2:]
    if isinstance(params, Composite):
        return _several(params, images)
    if isinstance(params, Pooling):
        return _pool(params, images)
    wanted = output_size or params.output_size((height, width))
    if isinstance(params, Upsample) and params.copies_nearest:
        return _copy_pixels(params, images, wanted)
    if isinstance(params, ResizeBilinear):
        positions = RESIZE_BILINEAR[params.sampling_mode]
    else:
        assert isinstance(params, Upsample)
        positions = UPSAMPLE_BILINEAR[params.linear_upsample_mode]
    columns = interpolate(images, positions(width, wanted[1]))
    return np.swapaxes(
        interpolate(np.swapaxes(columns, -1, -2), positions(height, wanted[0])), -1, -2
    )


def _several(params: Composite, images: np.ndarray) -> np.ndarray:
    """Several layers, on a map of as many channels as they take; images repeat to fill them."""
    from coreml_resize_fix.formats.neuralnetwork import interpret_layers
    from coreml_resize_fix.formats.neuralnetwork.channels import narrowed

    planes = images.reshape((-1,) + images.shape[-2:])
    channels = params.channels or len(planes)
    messages = params.messages()
    if channels > len(planes):
        messages, channels = narrowed(messages, channels, len(planes)), len(planes)
    blob = _blob_read(messages)
    rounds = -(-len(planes) // channels)
    filled = np.resize(planes, (rounds * channels,) + planes.shape[1:])
    made = []
    for part in filled.reshape((rounds, channels) + planes.shape[1:]):
        given = part.reshape((1,) * (params.rank - 3) + part.shape)
        result = interpret_layers.run(messages, {blob: given})[messages[-1].output[0]]
        made.append(result.reshape(result.shape[-3:]))
    flat = np.concatenate(made)[: len(planes)]
    return np.asarray(flat.reshape(images.shape[:-2] + flat.shape[-2:]))


def _blob_read(messages: Sequence[Any]) -> str:
    """The first blob that no layer before its reader made; the last layer may write it again."""
    made: Set[str] = set()
    for message in messages:
        for name in message.input:
            if name not in made:
                return str(name)
        made.update(message.output)
    return ""


def _copy_pixels(params: Upsample, images: np.ndarray, wanted: Tuple[int, int]) -> np.ndarray:
    rows, columns = params.scaling_factor or (1, 1)
    return np.repeat(np.repeat(images, rows, axis=-2), columns, axis=-1)


def _pool(params: Pooling, images: np.ndarray) -> np.ndarray:
    columns = _means(params, 1, images)
    return np.swapaxes(_means(params, 0, np.swapaxes(columns, -1, -2)), -1, -2)


def _means(params: Pooling, axis: int, images: np.ndarray) -> np.ndarray:
    """Of each window along the last axis, in zeros: its sum, divided by how many pixels count."""
    size = images.shape[-1]
    count = params.output_size((size, size))[axis]
    length, before, stride = params.window(axis, size)
    edges = (before, max(0, (count - 1) * stride + length - before - size))
    widened = np.pad(images, [(0, 0)] * (images.ndim - 1) + [edges], "constant")
    inside = np.pad(np.ones(size), edges, "constant")
    windows = [slice(index * stride, index * stride + length) for index in range(count)]
    counted = [inside[part].sum() if params.exclude_padding else length for part in windows]
    sums = [widened[..., part].sum(axis=-1) for part in windows]
    return np.stack([total / number for total, number in zip(sums, counted)], axis=-1)


def interpolate(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Linear interpolation along the last axis at positions in pixels, clamped to the image."""
    count = images.shape[-1]
    at = np.clip(positions, 0, count - 1)
    left = np.floor(at).astype(np.int64)
    right = np.minimum(left + 1, count - 1)
    share = (at - left).astype(images.dtype)
    result = np.empty(images.shape[:-1] + at.shape, images.dtype)
    for first in range(0, len(at), _BLOCK):
        part = slice(first, first + _BLOCK)
        result[..., part] = images[..., left[part]] * (1 - share[part])
        result[..., part] += images[..., right[part]] * share[part]
    return result
