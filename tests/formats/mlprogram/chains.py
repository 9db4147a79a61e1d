"""Random chains of operations behind a resize, for coremltools' builder.

A maker takes the random generator and a value and returns a value; what it draws may depend on the
ranks and channels that it sees, never on height and width, so that the same chain can be built for
another size.
"""

import numpy as np

from tests.formats.mlprogram.build import mb, program


def pick(rng, *choices):
    return choices[int(rng.integers(len(choices)))]


def conv(rng, x):
    kernel, channels = pick(rng, 1, 2, 3, 5), x.shape[1]
    groups = channels if rng.random() < 0.3 else 1
    out = channels * int(rng.integers(1, 3))
    dilation = pick(rng, 1, 1, 2)
    weight = np.zeros((out, channels // groups, kernel, kernel), np.float32)
    more = window(rng, 4)
    return mb.conv(x=x, weight=weight, groups=groups, dilations=[dilation, dilation], **more)


def window(rng, ends):
    """Strides and padding; `same` needs no amounts."""
    kind = pick(rng, "valid", "same", "custom")
    stride = pick(rng, 1, 2, 3)
    more = {"strides": [stride, pick(rng, 1, 2)], "pad_type": kind}
    if kind == "custom":
        more["pad"] = [int(n) for n in rng.integers(0, 3, ends)]
    return more


def conv_transpose(rng, x):
    kernel, channels = pick(rng, 2, 3, 4), x.shape[1]
    weight = np.zeros((channels, 2, kernel, kernel), np.float32)
    kind = pick(rng, "valid", "custom")
    pad = {"pad": [1, 0, 0, 1]} if kind == "custom" else {}
    return mb.conv_transpose(
        x=x, weight=weight, strides=[2, pick(rng, 1, 2, 3)], pad_type=kind, **pad
    )


def pool(rng, x):
    make = pick(rng, mb.max_pool, mb.avg_pool)
    kernel = [pick(rng, 1, 2, 3), pick(rng, 2, 3)]
    more = window(rng, 4)
    if more["pad_type"] == "custom":
        pad = [int(n) for n in rng.integers(0, 2, 2)]
        more["pad"] = [pad[0], pad[0], pad[1], pad[1]]
    ceil = {"ceil_mode": True} if more["pad_type"] != "same" and rng.random() < 0.5 else {}
    return make(x=x, kernel_sizes=kernel, **more, **ceil)


def unary(rng, x):
    kind = pick(
        rng, "relu", "sigmoid", "relu6", "silu", "softmax", "clip", "tanh", "square", "gelu"
    )
    more = {"alpha": 0.0, "beta": 6.0} if kind == "clip" else {}
    return getattr(mb, kind)(x=x, **more)


def binary(rng, x):
    other = pick(rng, x, np.float32(2), np.ones((1, x.shape[1], 1, 1), np.float32))
    return getattr(mb, pick(rng, "add", "mul", "sub", "real_div", "maximum", "minimum"))(
        x=x, y=other
    )


def concat(rng, x):
    return mb.concat(
        values=[x, mb.relu(x=x), x][: pick(rng, 2, 3)], axis=pick(rng, 0, 1, -3, 2, -1)
    )


def stack(rng, x):
    stacked = mb.stack(values=[x, mb.relu(x=x)], axis=pick(rng, 0, 1, 2))
    return mb.reduce_sum(x=stacked, axes=[pick(rng, 0, 1)], keep_dims=False)


def split(rng, x):
    if rng.random() < 0.5:
        return mb.split(x=x, num_splits=x.shape[1], axis=1)[0]
    first = x.shape[1] - 1 if x.shape[1] > 1 else 1
    sizes = [first, x.shape[1] - first] if x.shape[1] > 1 else [1]
    return mb.split(x=x, split_sizes=sizes, axis=-3)[0]


def slice_by_index(rng, x):
    masks = [bool(n) for n in rng.integers(0, 2, 2)]
    x = mb.pad(x=x, pad=[0, 1, 0, 1], mode="replicate")  # what begins at 1 is in it then
    return mb.slice_by_index(
        x=x,
        # coremltools writes negative positions as those that they are at the size of the time.
        begin=[0, 0, int(rng.integers(0, 2)), 1],
        end=[0, 0, pick(rng, 3, 4, 6), 0],
        stride=[1, 1, pick(rng, 1, 2), 1],
        begin_mask=[True, True, masks[0], masks[1]],
        end_mask=[True, True, False, True],
    )


def slice_by_size(rng, x):
    x = mb.pad(x=x, pad=[0, 4, 0, 1], mode="constant", constant_val=0.0)
    size = [-1, -1, int(rng.integers(1, 4)), -1]
    return mb.slice_by_size(x=x, begin=[0, 0, int(rng.integers(0, 2)), 1], size=size)


def squeeze_slice(rng, x):
    taken = mb.slice_by_index(
        x=x, begin=[0, 0, 1, 0], end=[0, 0, 2, 0], begin_mask=[True, True, False, True],
        end_mask=[True, True, False, True], squeeze_mask=[False, False, True, False],
    )  # fmt: skip
    return mb.expand_dims(x=taken, axes=[pick(rng, 2, -1, 3)])


def pad(rng, x):
    amounts = [int(n) for n in rng.integers(0, 3, 4)]
    if rng.random() < 0.3:
        return mb.pad(x=x, pad=[0, 0, 0, 0] + amounts, mode="constant", constant_val=0.0)
    return mb.pad(x=x, pad=amounts, mode="replicate")


def gather(rng, x):
    # Beside itself, so that there is a second element whatever went before.
    axis = pick(rng, 2, 3, -1)
    x = mb.concat(values=[x, x], axis=axis)
    indices = pick(rng, np.array([0, 1, 1, 0], np.int32), np.array([0], np.int32))
    return mb.gather(x=x, indices=indices, axis=axis)


def tile(rng, x):
    return mb.tile(x=x, reps=[1, 1, pick(rng, 1, 2), 2])


def reshape(rng, x):
    flat = mb.reshape(x=x, shape=[1, x.shape[1], -1])
    return mb.reshape(x=flat, shape=[1, x.shape[1], 1, -1])


def reshape_keeping(rng, x):
    return mb.reshape(x=x, shape=pick(rng, [0, 0, -1, 1], [0, 0, 1, -1]))


def transpose(rng, x):
    order = pick(rng, [0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2], [3, 0, 2, 1])
    moved = mb.softmax(x=mb.transpose(x=x, perm=order))
    if rng.random() < 0.5:
        moved = mb.transpose(x=moved, perm=[0, 1, 3, 2])
        return mb.transpose(x=mb.transpose(x=moved, perm=[0, 1, 3, 2]), perm=np.argsort(order))
    return mb.transpose(x=moved, perm=np.argsort(order))


def reduce(rng, x):
    make = pick(rng, mb.reduce_mean, mb.reduce_max, mb.reduce_sum)
    return make(x=x, axes=pick(rng, [2], [3], [-1, -2], [1]), keep_dims=True)


def argmax(rng, x):
    found = mb.reduce_argmax(x=x, axis=pick(rng, 1, 2, 3), keep_dims=True)
    return mb.cast(x=found, dtype="fp32")


def topk(rng, x):
    return mb.topk(x=x, k=2, axis=pick(rng, 2, -1))[0]


def matmul(rng, x):
    return mb.matmul(x=x, y=mb.relu(x=x), transpose_x=pick(rng, True, False), transpose_y=True)


def linear(rng, x):
    moved = mb.transpose(x=x, perm=[0, 2, 3, 1])
    weight = np.zeros((4, x.shape[1]), np.float32)
    return mb.transpose(x=mb.linear(x=moved, weight=weight), perm=[0, 3, 1, 2])


def shuffle(rng, x):
    wide = mb.concat(values=[x] * 4, axis=1)
    return mb.pixel_shuffle(x=wide, upscale_factor=2)


def to_depth(rng, x):
    doubled = mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=2)
    return mb.space_to_depth(x=doubled, block_size=2)


def norm(rng, x):
    zeros, ones = np.zeros(x.shape[1], np.float32), np.ones(x.shape[1], np.float32)
    if rng.random() < 0.5:
        return mb.batch_norm(x=x, mean=zeros, variance=ones)
    return mb.instance_norm(x=x)


def upsample(rng, x):
    kind = pick(rng, mb.upsample_bilinear, mb.upsample_nearest_neighbor)
    return kind(
        x=x, scale_factor_height=pick(rng, 2, 1.5, 0.5), scale_factor_width=pick(rng, 1, 2.5)
    )


def crop(rng, x):
    return mb.crop(x=x, crop_height=[1, 0], crop_width=[0, pick(rng, 0, 1)])


def computed(rng, x):
    """A size that is computed from another: the pattern of `size=t.shape[2:]`."""
    shape = mb.shape(x=x)
    height = mb.slice_by_index(x=shape, begin=[2], end=[3], squeeze_mask=[True])
    width = mb.gather(x=shape, indices=np.int32(3), axis=0)
    rows = mb.mul(x=height, y=np.int32(1))
    wanted = mb.concat(values=[rows, width], axis=0, interleave=False)
    head = np.array([1, x.shape[1]], np.int32)
    return mb.reshape(x=x, shape=mb.concat(values=[head, wanted], axis=0))


MAKERS = {
    one.__name__: one
    for one in (
        conv, conv_transpose, pool, unary, binary, concat, stack, split, slice_by_index,
        slice_by_size, squeeze_slice, pad, gather, tile, reshape, reshape_keeping, transpose,
        reduce, argmax, topk, matmul, linear, shuffle, to_depth, norm, upsample, crop, computed,
    )
}  # fmt: skip


# What coremltools raises for sizes that do not fit.
REFUSED = (ValueError, IndexError, TypeError, ZeroDivisionError)


def single(make, size, ios):
    """A Program that resizes to `size` and goes through one operation."""

    def begin(x):
        return make(resized(x, size))

    return program(begin, (1, 4, 6, 6), ios)


def resized(x, size):
    return mb.resize_bilinear(
        x=x,
        target_size_height=size[0],
        target_size_width=size[1],
        sampling_mode="UNALIGN_CORNERS",
        name="resized",
    )


def chain(seed, kinds, size):
    """A Program that resizes to `size` and goes through operations of these kinds."""

    def make(x):
        rng = np.random.default_rng(seed)
        value = resized(x, size)
        for kind in kinds:
            value = MAKERS[kind](rng, value)
        return mb.identity(x=value, name="end")

    return program(make, (1, 3, 6, 6))


def shapes(made):
    """(type, shape) of everything that operations of a Program make, in their order."""
    return [
        (operation.op_type, tuple(int(size) for size in variable.shape))
        for operation in made.functions["main"].operations
        if operation.op_type != "const"
        for variable in operation.outputs
    ]
