"""Operations over height and width: convolution, pooling, moving pixels to channels.

One spatial axis is computed as a map of one row.

Source: the documentation of MIL's conv, pooling and tensor_transformation operations.
"""

from typing import Callable, List, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.execute.call import Call, Kinds
from coreml_resize_fix.formats.mlprogram.windows import pooled
from coreml_resize_fix.verify.kernels import blocks, convolution, pooling, volumes, windows
from coreml_resize_fix.verify.kernels.checks import KernelError

Edges = windows.Edges
Pair = Tuple[int, int]


def _image(x: np.ndarray) -> np.ndarray:
    """[B, C, W] → [B, C, 1, W]."""
    if x.ndim not in (3, 4):
        raise KernelError(f"has {x.ndim - 2} spatial axes, and one or two are known here")
    return x if x.ndim == 4 else x[:, :, np.newaxis]


def _like(x: np.ndarray, made: np.ndarray) -> np.ndarray:
    return made if x.ndim == 4 else made[:, :, 0]


def _pair(numbers: Tuple[int, ...], axes: int, lead: int = 1) -> Pair:
    """One number for each axis of the image."""
    if len(numbers) != axes or min(numbers) < 1:
        raise KernelError(f"has {list(numbers)} for {axes} axes")
    return (lead, numbers[0]) if axes == 1 else (numbers[0], numbers[1])


def _edges(
    call: Call, size: Tuple[int, ...], kernel: Pair, stride: Pair, dilation: Pair = (1, 1)
) -> Edges:
    """What is added around an image of that size: (top, bottom), (left, right)."""
    found = _around(call, size, kernel, stride, dilation)
    return found[0], found[1]


def _around(
    call: Call,
    size: Tuple[int, ...],
    kernel: Tuple[int, ...],
    stride: Tuple[int, ...],
    dilation: Tuple[int, ...],
) -> List[Pair]:
    """What is added before and behind each axis."""
    pad_type = call.word("pad_type", "valid").lower()
    if pad_type == "valid":
        return [(0, 0)] * len(size)
    if pad_type == "custom":
        axes = call.array().ndim - 2
        pad = call.whole("pad", (0,) * (2 * axes))
        if len(pad) != 2 * axes or min(pad) < 0:
            raise KernelError(f"has {list(pad)} in `pad`")
        pad = (0, 0, *pad) if axes == 1 else pad
        return list(zip(pad[::2], pad[1::2]))
    if pad_type not in ("same", "same_lower"):
        raise KernelError(f"has `pad_type` {pad_type}, which is not known here")
    found = []
    for pixels, length, step, spread in zip(size, kernel, stride, dilation):
        needed = max(0, (-(-pixels // step) - 1) * step + (length - 1) * spread + 1 - pixels)
        small, large = needed // 2, needed - needed // 2
        found.append((large, small) if pad_type == "same_lower" else (small, large))
    return found


def conv(call: Call) -> np.ndarray:
    x, weight = call.array(), call.array("weight")
    axes = x.ndim - 2
    if axes == 3:
        return _conv_volume(call, x, weight)
    image, kernel = _image(x), _image(weight)
    stride = _pair(call.whole("strides", (1,) * axes), axes)
    dilation = _pair(call.whole("dilations", (1,) * axes), axes)
    size = kernel.shape[-2], kernel.shape[-1]
    edges = _edges(call, image.shape[-2:], size, stride, dilation)
    groups = call.size("groups", 1)
    made = convolution.convolve(
        image, kernel, call.optional("bias"), stride, dilation, edges, groups
    )
    return _like(x, made)


def conv_transpose(call: Call) -> np.ndarray:
    x, weight = call.array(), call.array("weight")
    axes = x.ndim - 2
    image, kernel = _image(x), _image(weight)
    stride = _pair(call.whole("strides", (1,) * axes), axes)
    dilation = _pair(call.whole("dilations", (1,) * axes), axes)
    full = [
        (pixels - 1) * step + (length - 1) * spread + 1
        for pixels, step, length, spread in zip(
            image.shape[-2:], stride, kernel.shape[-2:], dilation
        )
    ]
    pad_type = call.word("pad_type", "valid").lower()
    if pad_type == "custom":
        edges = _edges(call, image.shape[-2:], (1, 1), stride)
    elif pad_type == "same":
        cuts = [whole - pixels * step for whole, pixels, step in
                zip(full, image.shape[-2:], stride)]  # fmt: skip
        top, left = (max(cut, 0) // 2 for cut in cuts)
        edges = (top, cuts[0] - top), (left, cuts[1] - left)
    else:
        edges = windows.NO_EDGES
    if "output_shape" in call:
        # Of what `pad` leaves, or that and some zeros: rows and columns behind what is asked for.
        wanted = call.whole("output_shape")[-axes:]
        wanted = (1, *wanted) if axes == 1 else wanted
        ends = [whole - edge[0] - size for whole, edge, size in zip(full, edges, wanted)]
        edges = (edges[0][0], ends[0]), (edges[1][0], ends[1])
    made = convolution.deconvolve(
        image, kernel, call.optional("bias"), stride, dilation, edges, call.size("groups", 1)
    )
    return _like(x, made)


def _conv_volume(call: Call, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    stride, dilation = (_triple(call.whole(name, (1, 1, 1))) for name in ("strides", "dilations"))
    edges = _volume_edges(call, x.shape[2:], weight.shape[2:], stride, dilation)
    groups = call.size("groups", 1)
    return volumes.convolve_volume(
        x, weight, call.optional("bias"), stride, dilation, edges, groups
    )


def _pool_volume(call: Call, x: np.ndarray) -> np.ndarray:
    kernel = _triple(call.whole("kernel_sizes"))
    stride = _triple(call.whole("strides", (1, 1, 1)))
    edges = _volume_edges(call, x.shape[2:], kernel, stride, (1, 1, 1))
    if call.flag("ceil_mode") or call.kind == "l2_pool":
        raise KernelError("is not known here for three spatial axes")
    if call.kind == "max_pool":
        return volumes.max_pool_volume(x, kernel, stride, edges)
    excludes = call.flag("exclude_padding_from_average")
    return volumes.average_pool_volume(x, kernel, stride, edges, excludes)


def _triple(numbers: Tuple[int, ...]) -> Tuple[int, int, int]:
    if len(numbers) != 3 or min(numbers) < 1:
        raise KernelError(f"has {list(numbers)} for 3 axes")
    return numbers[0], numbers[1], numbers[2]


def _volume_edges(
    call: Call,
    size: Tuple[int, ...],
    kernel: Tuple[int, ...],
    stride: Tuple[int, ...],
    dilation: Tuple[int, ...],
) -> volumes.Edges:
    found = _around(call, size, kernel, stride, dilation)
    return found[0], found[1], found[2]


def pool(call: Call) -> np.ndarray:
    x = call.array()
    if x.ndim == 5:
        return _pool_volume(call, x)
    image, axes = _image(x), x.ndim - 2
    kernel = _pair(call.whole("kernel_sizes"), axes)
    stride = _pair(call.whole("strides", (1,) * axes), axes)
    edges = _edges(call, image.shape[-2:], kernel, stride)
    beyond = [0, 0]
    if call.flag("ceil_mode"):
        pad = [number for edge in edges for number in edge]
        counts = pooled(image.shape[-2:], kernel, stride, "custom", pad, True)
        for axis, count in enumerate(counts):
            reach = (count - 1) * stride[axis] + kernel[axis]
            beyond[axis] = max(0, reach - image.shape[axis - 2] - sum(edges[axis]))
        (top, bottom), (left, right) = edges
        edges = (top, bottom + beyond[0]), (left, right + beyond[1])
    if call.kind == "avg_pool":
        made = pooling.average_pool(
            image,
            kernel,
            stride,
            edges,
            call.flag("exclude_padding_from_average"),
            (beyond[0], beyond[1]),
        )
    else:
        compute: Callable[..., np.ndarray] = (
            pooling.max_pool if call.kind == "max_pool" else pooling.length_pool
        )
        made = compute(image, kernel, stride, edges)
    return _like(x, made)


def crop(call: Call) -> np.ndarray:
    (top, bottom), (left, right) = call.whole("crop_height"), call.whole("crop_width")
    return windows.crop(call.array(), ((top, bottom), (left, right)))


def _block(call: Call) -> Tuple[Pair, Edges]:
    name = "paddings" if call.kind == "space_to_batch" else "crops"
    rows, columns = call.whole("block_shape")
    top, bottom, left, right = call.whole(name)
    return (rows, columns), ((top, bottom), (left, right))


KINDS: Kinds = {
    "avg_pool": pool,
    "batch_to_space": lambda call: blocks.batch_to_space(call.array(), *_block(call)),
    "conv": conv,
    "conv_transpose": conv_transpose,
    "crop": crop,
    "depth_to_space": lambda call: blocks.to_space(call.array(), call.size("block_size"), False),
    "l2_pool": pool,
    "max_pool": pool,
    "pixel_shuffle": lambda call: blocks.to_space(call.array(), call.size("upscale_factor"), True),
    "pixel_unshuffle": lambda call: blocks.to_depth(
        call.array(), call.size("downscale_factor"), True
    ),
    "space_to_batch": lambda call: blocks.space_to_batch(call.array(), *_block(call)),
    "space_to_depth": lambda call: blocks.to_depth(call.array(), call.size("block_size"), False),
}
