"""Operations behind a resize with drawn parameters, for coremltools' builder: those of no chain.

A maker takes the random generator and a map of four channels and returns a value; nothing that it
draws depends on height and width.
"""

import numpy as np

from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.chains import pick, single


def plain(kind):
    return lambda rng, x: getattr(mb, kind)(x=x)


def scaled(kind, *names):
    return lambda rng, x: getattr(mb, kind)(x=x, **{name: float(rng.random()) for name in names})


def compared(kind):
    def make(rng, x):
        other = pick(rng, x, np.float32(1), np.zeros((1, 4, 1, 1), np.float32))
        return number(getattr(mb, kind)(x=x, y=other))

    return make


def combined(kind):
    def make(rng, x):
        return number(getattr(mb, kind)(x=mb.greater(x=x, y=0.0), y=mb.less(x=x, y=1.0)))

    return make


def number(x):
    """What an output may be: truth values may not."""
    return mb.cast(x=x, dtype="fp32")


def reduced(kind):
    def make(rng, x):
        axes = [[2], [3], [-1, -2], [1], [0, 3]][int(rng.integers(5))]
        return getattr(mb, kind)(x=x, axes=axes, keep_dims=bool(rng.integers(2)))

    return make


def axis(rng):
    return int(rng.integers(-4, 4))


def values(rng, count=4):
    return rng.random(count).astype(np.float32)


def layer_norm(rng, x):
    if rng.random() < 0.5:
        return mb.layer_norm(x=x, axes=pick(rng, [1], [2, 3], [1, 2, 3], [-1]))
    gamma = {"gamma": values(rng), "beta": values(rng)}
    moved = mb.layer_norm(x=mb.transpose(x=x, perm=[0, 2, 3, 1]), axes=[-1], **gamma)
    return mb.transpose(x=moved, perm=[0, 3, 1, 2])


def group_norm(rng, x):
    """As converters take it apart."""
    groups = mb.reshape(x=x, shape=[1, 2, 2, -1])
    mean = mb.reduce_mean(x=groups, axes=[2, 3], keep_dims=True)
    return mb.real_div(x=mb.sub(x=groups, y=mean), y=np.float32(2))


def attention(rng, x):
    """Tokens of pixels, heads, and back to a map: what SegFormer does with a size that follows."""
    tokens = mb.transpose(x=mb.reshape(x=x, shape=[1, 4, -1]), perm=[0, 2, 1])
    tokens = mb.layer_norm(x=tokens, axes=[-1], gamma=values(rng), beta=values(rng))
    tokens = mb.linear(x=tokens, weight=np.zeros((4, 4), np.float32))
    heads = mb.transpose(x=mb.reshape(x=tokens, shape=[1, -1, 2, 2]), perm=[0, 2, 1, 3])
    weights = mb.softmax(x=mb.matmul(x=heads, y=heads, transpose_y=True), axis=-1)
    mixed = mb.transpose(x=mb.matmul(x=weights, y=heads), perm=[0, 2, 1, 3])
    shape = mb.shape(x=x)
    return mb.reshape(x=mb.transpose(x=mb.reshape(x=mixed, shape=[1, -1, 4]), perm=[0, 2, 1]),
                      shape=shape)  # fmt: skip


def einsum(rng, x):
    """Attention's two products, and the plain one over a matrix of constants."""
    if rng.random() < 0.5:
        weight = np.zeros((4, 5), np.float32)
        moved = mb.transpose(x=x, perm=[0, 2, 3, 1])
        return mb.matmul(x=moved, y=weight)
    turned = mb.transpose(x=x, perm=[0, 3, 2, 1])
    return mb.einsum(values=(x, turned), equation="nchw,nwhr->nchr")


def reverse_sequence(rng, x):
    lengths = np.ones(4, np.int32)
    return mb.reverse_sequence(x=x, lengths=lengths, seq_axis=pick(rng, 2, 3), batch_axis=1)


def gather_along_axis(rng, x):
    at = pick(rng, 2, 3, -1)
    return mb.gather_along_axis(x=x, indices=mb.reduce_argmax(x=x, axis=at, keep_dims=True),
                                axis=at)  # fmt: skip


def scatter(rng, x):
    updates = mb.slice_by_size(x=x, begin=[0, 0, 0, 0], size=[-1, 2, -1, -1])
    return mb.scatter(data=x, indices=np.array([1, 3], np.int32), updates=updates, axis=1)


def scatter_along_axis(rng, x):
    indices = mb.reduce_argmax(x=x, axis=1, keep_dims=True)
    updates = mb.reduce_max(x=x, axes=[1], keep_dims=True)
    return mb.scatter_along_axis(data=x, indices=indices, updates=updates, axis=1)


def scatter_nd(rng, x):
    updates = mb.squeeze(
        x=mb.slice_by_size(x=x, begin=[0, 1, 0, 0], size=[-1, 1, -1, -1]), axes=[0]
    )
    return mb.scatter_nd(data=x, indices=np.array([[0, 2]], np.int32), updates=updates)


def slice_update(rng, x):
    update = mb.slice_by_size(x=x, begin=[0, 0, 0, 0], size=[-1, 2, -1, -1])
    return mb.slice_update(
        x=x, update=update, begin=[0, 1, 0, 0], end=[1, 3, 0, 0],
        begin_mask=[True, False, True, True], end_mask=[True, False, True, True],
    )  # fmt: skip


def quantize(rng, x):
    at = pick(rng, None, 1)
    scale = np.float32(0.5) if at is None else values(rng) + 1
    more = {} if at is None else {"axis": at}
    held = mb.quantize(input=x, scale=scale, output_dtype="int8", **more)
    return mb.dequantize(input=held, scale=scale, **more)


def drawn(kind, *names):
    def make(rng, x):
        return getattr(mb, kind)(shape=mb.shape(x=x), **dict.fromkeys(names, 0.5))

    return make


def sequence(rng, x):
    """Rows as steps, columns as the batch."""
    return mb.transpose(x=mb.squeeze(x=x, axes=[0]), perm=[1, 2, 0])


def start(x, size):
    """Zeros of the batch that a sequence has."""
    first = mb.slice_by_size(x=x, begin=[0, 0, 0], size=[1, -1, 1])
    return mb.tile(x=mb.squeeze(x=first, axes=[0]), reps=[1, size])


def rnn(rng, x):
    x = sequence(rng, x)
    return mb.rnn(
        x=x, initial_h=start(x, 3), weight_ih=np.zeros((3, 4), np.float32),
        weight_hh=np.zeros((3, 3), np.float32), output_sequence=bool(rng.integers(2)),
    )[0]  # fmt: skip


def gru(rng, x):
    x = sequence(rng, x)
    return mb.gru(
        x=x, initial_h=start(x, 3), weight_ih=np.zeros((9, 4), np.float32),
        weight_hh=np.zeros((9, 3), np.float32), output_sequence=bool(rng.integers(2)),
    )[0]  # fmt: skip


def lstm(rng, x):
    x, both = sequence(rng, x), bool(rng.integers(2))
    first = start(x, 6 if both else 3)
    weights = {
        "weight_ih": np.zeros((12, 4), np.float32),
        "weight_hh": np.zeros((12, 3), np.float32),
    }
    back = {f"{name}_back": one for name, one in weights.items()} if both else {}
    return mb.lstm(
        x=x, initial_h=first, initial_c=first, **weights, **back,
        direction="bidirectional" if both else "forward", output_sequence=bool(rng.integers(2)),
    )[0]  # fmt: skip


def suppressed(rng, x):
    """The pixels of four channels as boxes."""
    found = mb.transpose(x=mb.reshape(x=x, shape=[1, 4, -1]), perm=[0, 2, 1])
    scores = mb.slice_by_size(x=found, begin=[0, 0, 0], size=[-1, -1, int(rng.integers(1, 4))])
    return mb.non_maximum_suppression(
        boxes=found, scores=scores, iou_threshold=0.5, score_threshold=0.1,
        max_boxes=int(rng.integers(1, 9)),
    )[0]  # fmt: skip


# kind → iOS from which coremltools knows it, and its maker
MAKERS = {
    "attention": (15, attention),
    "argsort": (15, lambda rng, x: mb.argsort(x=x, axis=axis(rng))),
    "band_part": (15, lambda rng, x: mb.band_part(
        x=x, lower=int(rng.integers(-1, 4)), upper=int(rng.integers(-1, 4)))),
    "conv_quantized": (15, lambda rng, x: mb.conv_quantized(
        x=x, weight=np.zeros((5, 4, 3, 3), np.uint8), bias=np.zeros(5, np.uint8), nbits=8,
        quantization_type="linear", quant_scale=np.float32(1), quant_bias=np.float32(0))),
    "cumsum": (15, lambda rng, x: mb.cumsum(x=x, axis=int(rng.integers(-1, 4)))),
    "depth_to_space": (15, lambda rng, x: mb.depth_to_space(x=x, block_size=2)),
    "einsum": (15, einsum),
    "fill_like": (16, lambda rng, x: mb.fill_like(ref_tensor=x, value=1.0)),
    "gather_along_axis": (15, gather_along_axis),
    "gelu": (15, lambda rng, x: mb.gelu(x=x, mode=pick(rng, "EXACT", "TANH_APPROXIMATION"))),
    "group_norm": (15, group_norm),
    "gru": (15, gru),
    "inverse": (15, lambda rng, x: mb.inverse(x=x, epsilon=1e-4)),
    "l2_norm": (15, lambda rng, x: mb.l2_norm(x=x)),
    "layer_norm": (15, layer_norm),
    "local_response_norm": (15, lambda rng, x: mb.local_response_norm(x=x, size=pick(rng, 1, 3))),
    "log": (15, lambda rng, x: mb.log(x=x, epsilon=1e-4)),
    "logical_not": (15, lambda rng, x: number(mb.logical_not(x=mb.greater(x=x, y=0.0)))),
    "lstm": (15, lstm),
    "non_maximum_suppression": (15, suppressed),
    "prelu": (15, lambda rng, x: mb.prelu(x=x, alpha=values(rng))),
    "quantize": (17, quantize),
    "random_bernoulli": (15, drawn("random_bernoulli", "prob")),
    "random_categorical": (15, lambda rng, x: mb.random_categorical(
        x=x, size=int(rng.integers(1, 9)))),
    "random_normal": (15, drawn("random_normal", "mean", "stddev")),
    "random_uniform": (15, drawn("random_uniform", "low", "high")),
    "reduce_argmin": (15, lambda rng, x: mb.reduce_argmin(
        x=x, axis=axis(rng), keep_dims=bool(rng.integers(2)))),
    "resize_nearest_neighbor": (15, lambda rng, x: mb.resize_nearest_neighbor(
        x=x, target_size_height=int(rng.integers(1, 9)), target_size_width=7)),
    "reverse": (15, lambda rng, x: mb.reverse(x=x, axes=pick(rng, [1], [2, 3], [-1]))),
    "reverse_sequence": (15, reverse_sequence),
    "rnn": (15, rnn),
    "rsqrt": (15, lambda rng, x: mb.rsqrt(x=x, epsilon=1e-4)),
    "scatter": (15, scatter),
    "scatter_along_axis": (15, scatter_along_axis),
    "scatter_nd": (15, scatter_nd),
    "slice_update": (18, slice_update),
    "softplus_parametric": (15, lambda rng, x: mb.softplus_parametric(
        x=x, alpha=values(rng), beta=values(rng))),
}  # fmt: skip
MAKERS.update(
    (kind, (15, plain(kind)))
    for kind in (
        "abs", "acos", "asin", "atan", "atanh", "cos", "cosh", "erf", "exp", "exp2", "floor",
        "round", "sign", "silu", "sin", "sinh", "softplus", "softsign", "sqrt", "tan",
    )
)  # fmt: skip
MAKERS.update(
    (kind, (15, scaled(kind, *names)))
    for kind, names in {
        "clamped_relu": ("alpha", "beta"),
        "elu": ("alpha",),
        "leaky_relu": ("alpha",),
        "linear_activation": ("alpha", "beta"),
        "scaled_tanh": ("alpha", "beta"),
        "sigmoid_hard": ("alpha", "beta"),
        "threshold": ("alpha",),
        "thresholded_relu": ("alpha",),
    }.items()
)
MAKERS.update(
    (kind, (15, compared(kind)))
    for kind in ("equal", "greater_equal", "less", "less_equal", "not_equal", "pow")
)
MAKERS.update((kind, (15, combined(kind))) for kind in ("logical_and", "logical_or", "logical_xor"))
MAKERS.update(
    (kind, (15, reduced(kind)))
    for kind in (
        "reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_min",
        "reduce_prod", "reduce_sum_square",
    )
)  # fmt: skip


def behind(kind, seed, size):
    """A Program that resizes to `size` and does this with parameters of the seed, and its iOS."""
    ios, make = MAKERS[kind]
    return single(lambda x: make(np.random.default_rng(seed), x), size, ios), ios
