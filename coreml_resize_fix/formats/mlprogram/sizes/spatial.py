"""Operations over height and width: convolution, pooling, resizing, moving pixels to channels.

Source of every rule here: the documentation of MIL's operators.
"""

from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.inference.call import NotKnownError, add, times
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.mlprogram.windows import windows
from coreml_resize_fix.formats.shapes import Dims


def conv(call: OperationCall) -> Sequence[Dims]:
    x, weight = call.shape("x", 3), call.shape("weight", 3)
    axes = len(x) - 2
    groups = call.one("groups", 1)
    if x[1] is not None and weight[1] is not None and x[1] != weight[1] * groups:
        call.conflict(f"takes {weight[1] * groups} channels and gets {x[1]}")
    kernel = _known(call, weight[2:])
    return [(x[0], weight[0]) + _fitting(call, x[2:], kernel, call.whole("dilations", (1,) * axes))]


def conv_transpose(call: OperationCall) -> Sequence[Dims]:
    x, weight = call.shape("x", 3), call.shape("weight", 3)
    channels = times(weight[1], call.one("groups", 1))
    if "output_shape" not in call:
        return [(x[0], channels) + _transposed(call, x[2:], weight)]
    stated, sizes = call.whole("output_shape"), call.changed()
    if sizes is None or not call.states("output_shape"):
        return [stated]
    # Several sizes may stand for one input: it makes as many more than the least as before.
    least, now = (_transposed(call, dims[2:], weight) for dims in sizes)
    more = [one - (old or 0) for one, old in zip(stated[2:], least)]
    return [(x[0], channels) + tuple(map(add, now, more))]


def _transposed(call: OperationCall, sizes: Dims, weight: Dims) -> Dims:
    axes = len(sizes)
    strides, dilations = call.whole("strides", (1,) * axes), call.whole("dilations", (1,) * axes)
    pad_type = call.word("pad_type", "valid")
    pad = call.whole("pad", (0,) * (2 * axes)) if pad_type == "custom" else (0,) * (2 * axes)
    found: List[Optional[int]] = []
    for axis, size in enumerate(sizes):
        if size is None or pad_type == "same":
            found.append(times(size, strides[axis]))
            continue
        width = (_known(call, weight[2:])[axis] - 1) * dilations[axis] + 1
        cut = pad[2 * axis] + pad[2 * axis + 1]
        found.append(strides[axis] * (size - 1) + width - cut)
    return tuple(found)


def pool(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 3)
    return [x[:2] + _fitting(call, x[2:], call.whole("kernel_sizes"), ())]


def _fitting(
    call: OperationCall, sizes: Dims, kernel: Sequence[int], dilations: Sequence[int]
) -> Dims:
    """The number of windows along each axis; none at all is a conflict."""
    strides = call.whole("strides", (1,) * len(sizes))
    pad_type = call.word("pad_type", "valid")
    pad = call.whole("pad", (0,) * (2 * len(sizes)))
    ceil_mode = bool(call.one("ceil_mode", 0))
    found = windows(sizes, kernel, strides, pad_type, pad, dilations, ceil_mode)
    for size, count in zip(sizes, found):
        if count == 0:
            call.conflict(f"has no room for its window in {size}")
    return tuple(count or None for count in found)


def _known(call: OperationCall, sizes: Dims) -> Tuple[int, ...]:
    known = tuple(size for size in sizes if size is not None)
    if len(known) != len(sizes):
        raise NotKnownError(f"the window of {call} is not known")
    return known


def by_factor(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 3)
    factors = [call.numbers("scale_factor_" + side, (1,))[0] for side in ("height", "width")]
    found: List[Optional[int]] = []
    for size, factor in zip(x[-2:], factors):
        made = set(mil.sizes_by_factor(size, factor)) if size is not None else set()
        if len(made) > 1:
            call.why = f"the size that {call} makes of {size} depends on rounding"
        found.append(made.pop() if len(made) == 1 else None)
    return [x[:-2] + tuple(found)]


def to_size(call: OperationCall) -> Sequence[Dims]:
    sizes = call.one("target_size_height", 1), call.one("target_size_width", 1)
    return [call.shape("x", 3)[:-2] + sizes]


def to_shape(call: OperationCall) -> Sequence[Dims]:
    x, resized = call.shape("x"), call.one("resized_dims")
    shape = call.contents("shape")
    if not 0 < resized <= len(x) or (shape is not None and resized > len(shape[0])):
        raise NotKnownError(f"{call} resizes {resized} dimensions")
    if shape is None:
        call.why = f"the size that {call} makes is computed when it runs"
        return [x[:-resized] + (None,) * resized]
    wanted = [int(size) for size in shape[0][-resized:]]
    return [x[:-resized] + tuple(new or old for new, old in zip(wanted, x[-resized:]))]


def crop_resize(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 4)
    size = (call.one("target_height", 1), call.one("target_width", 1))
    if "roi" in call:  # until iOS 16
        return [(call.shape("roi", 1)[0], x[0], x[1]) + size]
    return [(call.shape("boxes", 1)[0], x[1]) + size]


def resample(call: OperationCall) -> Sequence[Dims]:
    return [call.shape("x", 4)[:2] + call.shape("coordinates", 4)[1:3]]


def affine(call: OperationCall) -> Sequence[Dims]:
    return [call.shape("x", 4)[:2] + (call.one("output_height"), call.one("output_width"))]


def crop(call: OperationCall) -> Sequence[Dims]:
    x = call.shape("x", 3)
    sides = zip(x[-2:], (call.whole("crop_height"), call.whole("crop_width")))
    return [x[:-2] + tuple(None if size is None else size - sum(cut) for size, cut in sides)]


def to_space(call: OperationCall) -> Sequence[Dims]:
    x, factor = _image(call), _factor(call)
    return [
        (x[0], call.divide(x[1], factor**2), times(x[2], factor), times(x[3], factor)),
    ]


def to_depth(call: OperationCall) -> Sequence[Dims]:
    x, factor = _image(call), _factor(call)
    return [(x[0], times(x[1], factor**2), call.divide(x[2], factor), call.divide(x[3], factor))]


def space_to_batch(call: OperationCall) -> Sequence[Dims]:
    x, block, pad = _image(call), call.whole("block_shape"), call.whole("paddings")
    sides = [None if size is None else size + pad[2 * i] + pad[2 * i + 1]
             for i, size in enumerate(x[2:])]  # fmt: skip
    return [
        (times(x[0], block[0] * block[1]), x[1])
        + tuple(call.divide(size, step) for size, step in zip(sides, block))
    ]


def batch_to_space(call: OperationCall) -> Sequence[Dims]:
    x, block, cut = _image(call), call.whole("block_shape"), call.whole("crops")
    sides = (
        None if size is None else size * block[i] - cut[2 * i] - cut[2 * i + 1]
        for i, size in enumerate(x[2:])
    )
    return [(call.divide(x[0], block[0] * block[1]), x[1]) + tuple(sides)]


def _image(call: OperationCall) -> Dims:
    x = call.shape("x", 4)
    if len(x) != 4:
        raise NotKnownError(f"{call} gets an input of rank {len(x)}")
    return x


def _factor(call: OperationCall) -> int:
    names = ("upscale_factor", "downscale_factor", "block_size")
    return call.one(next((name for name in names if name in call), "block_size"))


RULES = {
    "affine": affine,
    "avg_pool": pool,
    "batch_to_space": batch_to_space,
    "conv": conv,
    "conv_quantized": conv,
    "conv_transpose": conv_transpose,
    "crop": crop,
    "crop_resize": crop_resize,
    "depth_to_space": to_space,
    "l2_pool": pool,
    "max_pool": pool,
    "pixel_shuffle": to_space,
    "pixel_unshuffle": to_depth,
    "resample": resample,
    "resize": to_shape,
    "resize_bilinear": to_size,
    "resize_nearest_neighbor": to_size,
    "space_to_batch": space_to_batch,
    "space_to_depth": to_depth,
    "upsample_bilinear": by_factor,
    "upsample_nearest_neighbor": by_factor,
}
