"""Layers made by coremltools' NeuralNetworkBuilder have the shapes of their PyTorch or NumPy twins.

Every expectation is a literal or comes from PyTorch or NumPy, never from the code under test.
"""

import contextlib
import io
import logging

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork import shapes

torch = pytest.importorskip("torch", reason="needs PyTorch (expected shapes): pip install torch")
F = pytest.importorskip("torch.nn.functional")
logging.disable(logging.WARNING)
with contextlib.redirect_stderr(io.StringIO()):
    builder_module = pytest.importorskip("coremltools.models.neural_network")
    datatypes = pytest.importorskip("coremltools.models.datatypes")


def z(*shape):
    return np.zeros(shape, dtype=np.float32)


def t(*shape):
    return torch.zeros(*shape)


def build(call, inputs, rank5):
    """A network of one builder call; inputs are named a, b, c."""
    features = [(name, datatypes.Array(*dims)) for name, dims in zip("abc", inputs)]
    builder = builder_module.NeuralNetworkBuilder(
        features, [("out", datatypes.Array(1))], disable_rank5_shape_mapping=not rank5
    )
    call(builder)
    return builder.spec


# --- one builder call each; the blobs are "a", "b", "c" → "out" (or "out", "o2", "o3", …) ---


def conv(k_in, k_out, size, stride=(1, 1), mode="valid", groups=1, deconv=False, **more):
    out = k_out // groups if deconv else k_out
    weights = z(size[0], size[1], k_in if deconv else k_in // groups, out)

    def call(b):
        b.add_convolution(
            "l",
            kernel_channels=k_in if deconv else k_in // groups,
            output_channels=k_out,
            height=size[0],
            width=size[1],
            stride_height=stride[0],
            stride_width=stride[1],
            border_mode=mode,
            groups=groups,
            W=weights,
            b=None,
            has_bias=False,
            is_deconv=deconv,
            input_name="a",
            output_name="out",
            **more,
        )

    return call


def pool(size, stride, padding, is_global=False, **more):
    def call(b):
        b.add_pooling(
            "l",
            size[0],
            size[1],
            stride[0],
            stride[1],
            "MAX",
            padding,
            "a",
            "out",
            is_global=is_global,
            **more,
        )

    return call


def method(name, *args, **kwargs):
    """builder.add_<name>("l", "a", "out", …)"""
    return lambda b: getattr(b, "add_" + name)("l", "a", "out", *args, **kwargs)


def late(name, *args):
    """builder.add_<name>("l", …, "a", "out")"""
    return lambda b: getattr(b, "add_" + name)("l", *args, input_name="a", output_name="out")


def many(name, inputs, *args, **kwargs):
    """builder.add_<name>("l", [inputs], "out", …)"""
    return lambda b: getattr(b, "add_" + name)("l", list(inputs), "out", *args, **kwargs)


def elementwise(mode, inputs="ab", **more):
    return lambda b: b.add_elementwise("l", list(inputs), "out", mode, **more)


def torch_pool(shape, size, stride, padding=0, ceil=False):
    return tuple(F.max_pool2d(t(*shape), size, stride, padding, ceil_mode=ceil).shape)


def torch_conv(shape, weight, **more):
    return tuple(F.conv2d(t(*shape), t(*weight), **more).shape)


def torch_deconv(shape, weight, **more):
    return tuple(F.conv_transpose2d(t(*shape), t(*weight), **more).shape)


def np_slice(shape, *key):
    return z(*shape)[key].shape


def lstm(**more):
    four = [z(6, 6) for _ in range(4)]
    return lambda b: b.add_unilstm(
        "l", four, [z(6, 5) for _ in range(4)], None, 6, 5, ["a"], ["out", "o2", "o3"], **more
    )


def bilstm(**more):
    def call(b):
        wh, wx = [z(6, 6) for _ in range(4)], [z(6, 5) for _ in range(4)]
        b.add_bidirlstm(
            "l", wh, wx, None, wh, wx, None, 6, 5, ["a"], ["out", "o2", "o3", "o4", "o5"], **more
        )

    return call


LAST = {"padding_" + side: 1 for side in ("top", "bottom", "left", "right")}
X = (2, 4, 13, 18)  # N, C, H, W with odd and even sizes
EXACT = [
    # convolution and deconvolution
    ("conv 3×3 valid", conv(4, 8, (3, 3)), [X], torch_conv(X, (8, 4, 3, 3))),
    ("conv stride", conv(4, 8, (3, 5), (2, 3)), [X], torch_conv(X, (8, 4, 3, 5), stride=(2, 3))),
    (
        "conv padded",
        conv(
            4, 8, (3, 3), (2, 2), padding_top=1, padding_bottom=1, padding_left=2, padding_right=2
        ),
        [X],
        torch_conv(X, (8, 4, 3, 3), stride=2, padding=(1, 2)),
    ),
    (
        "conv padded on one side",
        conv(4, 8, (3, 3), padding_top=0, padding_bottom=2, padding_left=1, padding_right=0),
        [X],
        torch_conv((2, 4, 15, 19), (8, 4, 3, 3)),
    ),
    (
        "conv dilated",
        conv(4, 8, (3, 3), dilation_factors=[2, 3]),
        [X],
        torch_conv(X, (8, 4, 3, 3), dilation=(2, 3)),
    ),
    ("conv groups", conv(4, 8, (3, 3), groups=2), [X], torch_conv(X, (8, 2, 3, 3), groups=2)),
    ("conv same", conv(4, 8, (3, 3), (2, 2), "same"), [X], (2, 8, 7, 9)),
    ("conv same stride 5", conv(4, 8, (4, 4), (5, 5), "same"), [X], (2, 8, 3, 4)),
    (
        "conv same, top left heavy",
        conv(4, 8, (4, 4), (5, 5), "same", same_padding_asymmetry_mode="TOP_LEFT_HEAVY"),
        [X],
        (2, 8, 3, 4),
    ),
    (
        "deconv",
        conv(4, 6, (3, 4), (2, 3), deconv=True),
        [X],
        torch_deconv(X, (4, 6, 3, 4), stride=(2, 3)),
    ),
    (
        "deconv padded",
        conv(
            4,
            6,
            (4, 4),
            (2, 2),
            deconv=True,
            padding_top=1,
            padding_bottom=1,
            padding_left=1,
            padding_right=1,
        ),
        [X],
        torch_deconv(X, (4, 6, 4, 4), stride=2, padding=1),
    ),
    (
        "deconv groups",
        conv(4, 8, (3, 3), (2, 2), groups=4, deconv=True),
        [X],
        torch_deconv(X, (4, 2, 3, 3), stride=2, groups=4),
    ),
    (
        "deconv output shape",
        conv(4, 6, (3, 3), (2, 2), deconv=True, output_shape=(28, 38)),
        [X],
        torch_deconv(X, (4, 6, 3, 3), stride=2, output_padding=1),
    ),
    ("deconv same", conv(4, 6, (3, 3), (2, 3), "same", deconv=True), [X], (2, 6, 26, 54)),
    # pooling
    ("pool", pool((2, 2), (2, 2), "VALID"), [X], torch_pool(X, 2, 2)),
    ("pool 3 stride 2", pool((3, 3), (2, 2), "VALID"), [X], torch_pool(X, 3, 2)),
    (
        "pool padded",
        pool(
            (3, 3),
            (2, 2),
            "VALID",
            padding_top=1,
            padding_bottom=1,
            padding_left=1,
            padding_right=1,
        ),
        [X],
        torch_pool(X, 3, 2, 1),
    ),
    ("pool same", pool((3, 3), (2, 2), "SAME"), [X], (2, 4, 7, 9)),
    (
        "pool last pixel",
        pool((3, 3), (2, 2), "INCLUDE_LAST_PIXEL", **LAST),
        [X],
        torch_pool(X, 3, 2, 1, ceil=True),
    ),
    (
        "pool last pixel, unpadded",
        pool((2, 2), (2, 2), "INCLUDE_LAST_PIXEL"),
        [X],
        torch_pool(X, 2, 2, ceil=True),
    ),
    (
        "pool last pixel, a window that would start in the padding",
        pool((2, 2), (2, 2), "INCLUDE_LAST_PIXEL", **LAST),
        [(1, 1, 13, 18)],
        torch_pool((1, 1, 13, 18), 2, 2, 1, ceil=True),
    ),
    ("pool global", pool((0, 0), (1, 1), "VALID", True), [X], (2, 4, 1, 1)),
    # resizing, cropping, padding
    (
        "upsample",
        late("upsample", 2, 3),
        [X],
        tuple(F.interpolate(t(*X), scale_factor=(2, 3)).shape),
    ),
    (
        "upsample bilinear, rank 3",
        lambda b: b.add_upsample("l", 2, 2, "a", "out", "BILINEAR"),
        [(4, 13, 18)],
        (4, 26, 36),
    ),
    ("resize", method("resize_bilinear", 25, 31), [X], (2, 4, 25, 31)),
    ("resize, rank 3", method("resize_bilinear", 7, 9), [(4, 13, 18)], (4, 7, 9)),
    (
        "crop and resize, 4 coordinates",
        many("crop_resize", "ab", 7, 9),
        [(1, 2, 4, 13, 18), (3, 1, 4, 1, 1)],
        (3, 2, 4, 7, 9),
    ),
    (
        "crop and resize, 5 coordinates",
        many("crop_resize", "ab", 7, 9),
        [(1, 2, 4, 13, 18), (3, 1, 5, 1, 1)],
        (3, 1, 4, 7, 9),
    ),
    (
        "crop",
        lambda b: b.add_crop("l", 1, 2, 3, 4, None, ["a"], "out"),
        [X],
        np_slice(X, ..., slice(3, -4), slice(1, -2)),
    ),
    (
        "crop like another",
        lambda b: b.add_crop("l", 0, 0, 0, 0, [2, 3], ["a", "b"], "out"),
        [X, (2, 4, 5, 6)],
        (2, 4, 5, 6),
    ),
    (
        "padding",
        lambda b: b.add_padding("l", 1, 2, 3, 4, input_name="a", output_name="out"),
        [X],
        tuple(F.pad(t(*X), (1, 2, 3, 4)).shape),
    ),
    (
        "constant pad",
        many("constant_pad", "a", pad_amounts=[0, 1, 4, 0]),
        [(20, 10)],
        np.pad(z(20, 10), ((0, 1), (4, 0)), "constant").shape,
    ),
    (
        "constant pad to a size",
        many("constant_pad", "a", pad_amounts=[0, 21, 4, 0], pad_to_given_output_size_mode=True),
        [(20, 10)],
        (21, 10),
    ),
    # data moved between channels and space
    (
        "pixel shuffle as depth to space",
        lambda b: b.add_reorganize_data("l", "a", "out", mode="DEPTH_TO_SPACE", block_size=2),
        [X],
        tuple(F.pixel_shuffle(t(*X), 2).shape),
    ),
    (
        "space to depth",
        lambda b: b.add_reorganize_data("l", "a", "out", mode="SPACE_TO_DEPTH", block_size=3),
        [(2, 4, 12, 18)],
        (2, 36, 4, 6),
    ),
    (
        "pixel shuffle",
        lambda b: b.add_reorganize_data("l", "a", "out", mode="PIXEL_SHUFFLE", block_size=2),
        [X],
        tuple(F.pixel_shuffle(t(*X), 2).shape),
    ),
    # same shape
    ("relu", lambda b: b.add_activation("l", "RELU", "a", "out"), [X], X),
    ("softmax", method("softmax"), [X], X),
    ("softmax nd", method("softmax_nd", -1), [(3, 5)], (3, 5)),
    ("lrn", method("lrn", 1, 1, 5), [X], X),
    ("mvn", method("mvn"), [X], X),
    ("l2 normalize", method("l2_normalize"), [X], X),
    ("unary", method("unary", "sqrt"), [X], X),
    ("scale", lambda b: b.add_scale("l", z(1), None, False, "a", "out"), [X], X),
    ("bias", lambda b: b.add_bias("l", z(4), "a", "out", shape_bias=[4]), [X], X),
    (
        "batchnorm",
        lambda b: b.add_batchnorm(
            "l", 4, z(4), z(4), z(4), z(4), input_name="a", output_name="out"
        ),
        [X],
        X,
    ),
    (
        "layer norm",
        method("layer_normalization", [18], z(18), z(18)),
        [X],
        X,
    ),
    ("clip", method("clip", 0, 6), [X], X),
    ("copy", method("copy"), [X], X),
    ("reverse", method("reverse", [False, True, False, False]), [X], X),
    ("band part", method("matrix_band_part", 1, 1), [X], X),
    ("lower triangle", method("lower_triangular"), [X], X),
    ("upper triangle", method("upper_triangular"), [X], X),
    ("fill like", method("fill_like"), [X], X),
    ("random like", method("random_normal_like"), [X], X),
    ("cumsum", many("cumsum", "a"), [X], X),
    ("clamped relu", method("clamped_relu"), [X], X),
    ("argsort", method("argsort"), [X], X),
    # elementwise with several inputs
    ("add", elementwise("ADD"), [X, X], X),
    ("add scalar", elementwise("ADD", "a", alpha=2), [X], X),
    ("multiply by channel", elementwise("MULTIPLY"), [X, (2, 4, 1, 1)], X),
    ("max of three", elementwise("MAX", "abc"), [X, X, X], X),
    ("min", elementwise("MIN"), [X, X], X),
    ("average", elementwise("AVE"), [X, X], X),
    ("dot", elementwise("DOT"), [(2, 4, 1, 1), (2, 4, 1, 1)], (2, 1, 1, 1)),
    ("concat", elementwise("CONCAT", "abc"), [X, (2, 1, 13, 18), X], (2, 9, 13, 18)),
    (
        "where",
        many("where_broadcastable", "abc"),
        [(3, 1), (1, 5), (2, 1, 1)],
        np.where(z(3, 1), z(1, 5), z(2, 1, 1)).shape,
    ),
    ("greater with alpha", many("greater_than", "a", alpha=1), [X], X),
    ("greater equal", many("greater_than", "ab", use_greater_than_equal=True), [X, (18,)], X),
    ("less", many("less_than", "ab"), [(3, 1), (5,)], (3, 5)),
    ("less equal", many("less_than", "ab", use_less_than_equal=True), [(3, 1), (5,)], (3, 5)),
    ("equal", many("equal", "ab"), [(3, 1), (5,)], (3, 5)),
    ("not equal", many("not_equal", "ab"), [(3, 1), (5,)], (3, 5)),
    ("logical not", many("logical", "a", "NOT"), [X], X),
    ("logical and", many("logical", "ab", "AND"), [(3, 1), (5,)], (3, 5)),
    ("logical or", many("logical", "ab", "OR"), [(3, 1), (5,)], (3, 5)),
    ("logical xor", many("logical", "ab", "XOR"), [(3, 1), (5,)], (3, 5)),
    # joining and cutting
    ("concat nd", many("concat_nd", "ab", 1), [(2, 3, 4), (2, 5, 4)], (2, 8, 4)),
    ("concat nd, from the end", many("concat_nd", "ab", -1), [(2, 3, 4), (2, 3, 6)], (2, 3, 10)),
    (
        "stack at 0",
        many("stack", "ab", axis=0),
        [(2, 3), (2, 3)],
        np.stack([z(2, 3)] * 2, 0).shape,
    ),
    (
        "stack at the end",
        many("stack", "abc", axis=-1),
        [(2, 3)] * 3,
        np.stack([z(2, 3)] * 3, -1).shape,
    ),
    (
        "split",
        lambda b: b.add_split("l", "a", ["out", "o2"]),
        [X],
        [np.split(z(*X), 2, 1)[0].shape, np.split(z(*X), 2, 1)[1].shape],
    ),
    (
        "split nd, even",
        lambda b: b.add_split_nd("l", "a", ["out", "o2", "o3"], axis=-1, num_splits=3),
        [X],
        [part.shape for part in np.split(z(*X), 3, -1)],
    ),
    (
        "split nd, uneven",
        lambda b: b.add_split_nd("l", "a", ["out", "o2"], axis=0, split_sizes=[3, 2]),
        [(5, 3, 4)],
        [(3, 3, 4), (2, 3, 4)],
    ),
    (
        "slice height",
        method("slice", "height", 2, 11, 3),
        [X],
        np_slice(X, ..., slice(2, 11, 3), slice(None)),
    ),
    ("slice width to -1", method("slice", "width", 1, -1, 1), [X], np_slice(X, ..., slice(1, -1))),
    ("slice channel", method("slice", "channel", 1, 3, 1), [X], (2, 2, 13, 18)),
    (
        "slice static",
        method(
            "slice_static",
            [1, 2, 3],
            [3, -3, 2],
            [2, 2, 2],
            [True, False, True],
            [False, True, True],
        ),
        [(5, 5, 5)],
        np_slice((5, 5, 5), slice(None, 3, 2), slice(2, None, 2), slice(None, None, 2)),
    ),
    (
        "slice static, backwards",
        method("slice_static", [0, 8], [0, 2], [-1, -2], [True, False], [True, False]),
        [(5, 9)],
        np_slice((5, 9), slice(None, None, -1), slice(8, 2, -2)),
    ),
    (
        "slice static, squeezing",
        method(
            "slice_static",
            [1, 2, 3],
            [3, -3, 2],
            [2, 2, 2],
            [True, False, True],
            [False, True, True],
            squeeze_masks=[False, True, False],
        ),
        [(5, 5, 5)],
        np_slice((5, 5, 5), slice(None, 3, 2), 2, slice(None, None, 2)),
    ),
    (
        "slice by size",
        many("slice_by_size", "ab", 1, 2),
        [(2, 3, 4), (1,)],
        (2, 2, 4),
    ),
    ("sliding windows", method("sliding_windows", 1, 3, 2), [(2, 9, 4)], (2, 4, 3, 4)),
    ("tile", method("tile", [1, 2, 6]), [(2, 4, 2)], np.tile(z(2, 4, 2), (1, 2, 6)).shape),
    ("tile, short", method("tile", [6]), [(2, 4, 2)], np.tile(z(2, 4, 2), (6,)).shape),
    # reshaping
    ("flatten", late("flatten", 0), [X], (2, 4 * 13 * 18, 1, 1)),
    ("flatten to 2d", method("flatten_to_2d", -2), [(5, 5, 3)], (5, 15)),
    ("flatten to 2d at 0", method("flatten_to_2d", 0), [(5, 2)], (1, 10)),
    ("flatten to 2d after all", method("flatten_to_2d", 1), [(3,)], (3, 1)),
    ("reshape static", method("reshape_static", (8, 117)), [(2, 4, 13, 9)], (8, 117)),
    (
        "reshape static, inferred",
        method("reshape_static", (4, -1, 3)),
        [(2, 6, 5)],
        z(2, 6, 5).reshape(4, -1, 3).shape,
    ),
    (
        "rank preserving reshape",
        method("rank_preserving_reshape", (20, 0, -1)),
        [(10, 3, 4)],
        (20, 3, 2),
    ),
    ("reshape like", many("reshape_like", "ab"), [(2, 6), (3, 4)], (3, 4)),
    (
        "transpose",
        late("transpose", [3, 1, 2, 0]),
        [(6, 7, 8, 9)],
        z(6, 7, 8, 9).transpose(3, 1, 2, 0).shape,
    ),
    ("expand dims", method("expand_dims", [0, 2]), [(10, 5)], (1, 10, 1, 5)),
    ("expand dims from the end", method("expand_dims", [-2, -1]), [(10, 5)], (10, 5, 1, 1)),
    (
        "squeeze",
        method("squeeze", [0, 3]),
        [(1, 10, 5, 1)],
        np.squeeze(z(1, 10, 5, 1), (0, 3)).shape,
    ),
    (
        "squeeze all",
        method("squeeze", squeeze_all=True),
        [(1, 10, 5, 1)],
        np.squeeze(z(1, 10, 5, 1)).shape,
    ),
    ("squeeze to the last", method("squeeze", [0]), [(1,)], (1,)),
    # reductions
    (
        "reduce sum",
        method("reduce_sum", [1], keepdims=True),
        [X],
        z(*X).sum(1, keepdims=True).shape,
    ),
    (
        "reduce sum, removing",
        method("reduce_sum", [1, -1], keepdims=False),
        [X],
        z(*X).sum((1, 3)).shape,
    ),
    ("reduce all", method("reduce_max", None, keepdims=True, reduce_all=True), [X], (1, 1, 1, 1)),
    (
        "reduce all, removing",
        method("reduce_min", None, keepdims=False, reduce_all=True),
        [X],
        (1,),
    ),
    ("argmax", method("argmax", axis=-2), [(45, 34, 10, 5)], (45, 34, 1, 5)),
    ("argmin, removing", method("argmin", axis=1, keepdims=False), [(45, 34, 10, 5)], (45, 10, 5)),
    (
        "top k",
        lambda b: b.add_topk("l", ["a"], ["out", "o2"], k=3, axis=1),
        [(45, 34, 10, 5)],
        [(45, 3, 10, 5), (45, 3, 10, 5)],
    ),
    ("old reduce", lambda b: b.add_reduce("l", "a", "out", "HW", "avg"), [X], (2, 4, 1, 1)),
    (
        "old reduce, channels",
        lambda b: b.add_reduce("l", "a", "out", "C", "max"),
        [X],
        (2, 1, 13, 18),
    ),
    ("old reduce, all", lambda b: b.add_reduce("l", "a", "out", "CHW", "sum"), [X], (2, 1, 1, 1)),
    # products
    (
        "inner product, rank 1",
        lambda b: b.add_inner_product("l", z(7, 5), None, 5, 7, False, "a", "out"),
        [(5,)],
        (7,),
    ),
    (
        "inner product, rank 3",
        lambda b: b.add_inner_product("l", z(7, 5), None, 5, 7, False, "a", "out"),
        [(2, 3, 5)],
        tuple(F.linear(t(2, 3, 5), t(7, 5)).shape),
    ),
    (
        "inner product, rank 4",
        lambda b: b.add_inner_product("l", z(7, 12), None, 12, 7, False, "a", "out"),
        [(2, 3, 2, 2)],
        (2, 7, 1, 1),
    ),
    (
        "matmul",
        many("batched_mat_mul", "ab"),
        [(6, 1, 3, 4), (2, 4, 5)],
        np.matmul(z(6, 1, 3, 4), z(2, 4, 5)).shape,
    ),
    (
        "matmul transposed",
        many("batched_mat_mul", "ab", transpose_a=True, transpose_b=True),
        [(4, 3), (5, 4)],
        (z(4, 3).T @ z(5, 4).T).shape,
    ),
    ("matmul of a vector", many("batched_mat_mul", "ab"), [(4,), (4, 5)], (1, 5)),
    ("matmul with a vector", many("batched_mat_mul", "ab"), [(2, 3, 4), (4,)], (2, 3, 1)),
    (
        "matmul with weights",
        many("batched_mat_mul", "a", weight_matrix_rows=4, weight_matrix_columns=7, W=z(4, 7)),
        [(2, 3, 4)],
        (2, 3, 7),
    ),
    # constants and look-ups
    (
        "load constant",
        lambda b: b.add_load_constant("l", "out", z(24), [2, 3, 4]),
        [X],
        (1, 1, 2, 3, 4),
    ),
    (
        "load constant nd",
        lambda b: b.add_load_constant_nd("l", "out", z(2, 3), [2, 3]),
        [X],
        (2, 3),
    ),
    ("fill static", lambda b: b.add_fill_static("l", "out", [2, 3, 4]), [X], (2, 3, 4)),
    ("random static", lambda b: b.add_random_uniform_static("l", "out", [2, 3]), [X], (2, 3)),
    (
        "range static",
        lambda b: b.add_range_static("l", "out", end=10, start=1, step=4),
        [X],
        np.arange(1, 10, 4).shape,
    ),
    ("get shape", method("get_shape"), [X], (4,)),
    (
        "broadcast to",
        method("broadcast_to_static", [7, 2, 5]),
        [(2, 1)],
        np.broadcast_to(z(2, 1), (7, 2, 5)).shape,
    ),
    ("broadcast like", many("broadcast_to_like", "ab"), [(2, 1), (7, 2, 5)], (7, 2, 5)),
    (
        "gather",
        many("gather", "ab", axis=1),
        [(2, 3, 5), (6, 8)],
        np.take(z(2, 3, 5), np.zeros((6, 8), int), 1).shape,
    ),
    (
        "gather along axis",
        many("gather_along_axis", "ab", axis=1),
        [(4, 4, 7), (4, 5, 7)],
        (4, 5, 7),
    ),
    ("gather nd", many("gather_nd", "ab"), [(4, 2, 3, 4), (6, 2)], (6, 3, 4)),
    ("gather nd of scalars", many("gather_nd", "ab"), [(3, 3, 3), (3, 3)], (3,)),
    ("scatter", many("scatter", "abc", axis=0), [(4, 3), (2,), (2, 3)], (4, 3)),
    (
        "embedding",
        lambda b: b.add_embedding("l", z(9, 7), None, 9, 7, False, "a", "out"),
        [(2, 1, 1, 1)],
        (2, 7, 1, 1),
    ),
    ("embedding nd", method("embedding_nd", 9, 7, z(7, 9)), [(2, 3, 1)], (2, 3, 7)),
    ("one hot", many("one_hot", "a", 32, axis=1), [(10, 23)], (10, 32, 23)),
    ("categorical", method("categorical_distribution", 6), [(5, 4)], (5, 6)),
    (
        "non maximum suppression",
        lambda b: b.add_nms("l", ["a", "b"], ["out", "o2", "o3", "o4"], max_boxes=5),
        [(2, 30, 4), (2, 30, 7)],
        [(2, 5, 4), (2, 5, 7), (2, 5), (2,)],
    ),
    # three spatial dimensions
    (
        "conv3d",
        lambda b: b.add_convolution3d(
            "l",
            3,
            8,
            2,
            3,
            4,
            z(8, 3, 2, 3, 4),
            None,
            False,
            stride_depth=1,
            stride_height=2,
            stride_width=3,
            input_name="a",
            output_name="out",
        ),
        [(1, 3, 5, 13, 18)],
        tuple(F.conv3d(t(1, 3, 5, 13, 18), t(8, 3, 2, 3, 4), stride=(1, 2, 3)).shape),
    ),
    (
        "conv3d same",
        lambda b: b.add_convolution3d(
            "l",
            3,
            2,
            3,
            3,
            3,
            z(2, 3, 3, 3, 3),
            None,
            False,
            stride_depth=2,
            stride_height=2,
            stride_width=2,
            padding_mode="same",
            input_name="a",
            output_name="out",
        ),
        [(1, 3, 3, 8, 8)],
        (1, 2, 2, 4, 4),
    ),
    (
        "pool3d",
        method("pooling3d", "max", 2, 2, 2, 1, 1, 1),
        [(1, 1, 2, 3, 3)],
        (1, 1, 1, 2, 2),
    ),
    (
        "pool3d padded",
        method(
            "pooling3d",
            "average",
            2,
            3,
            4,
            1,
            2,
            3,
            "custom",
            custom_padding_back=1,
            custom_padding_top=1,
            custom_padding_bottom=1,
            custom_padding_left=2,
        ),
        [(1, 1, 5, 6, 7)],
        tuple(F.avg_pool3d(t(1, 1, 6, 8, 9), (2, 3, 4), (1, 2, 3)).shape),
    ),
    (
        "conv3d padded and dilated",
        lambda b: b.add_convolution3d(
            "l",
            3,
            8,
            2,
            3,
            4,
            z(8, 3, 2, 3, 4),
            None,
            False,
            dilation_depth=2,
            dilation_width=3,
            padding_mode="custom",
            padding_front=1,
            padding_back=1,
            padding_left=2,
            padding_right=2,
            input_name="a",
            output_name="out",
        ),
        [(1, 3, 5, 13, 18)],
        tuple(
            F.conv3d(
                t(1, 3, 5, 13, 18), t(8, 3, 2, 3, 4), dilation=(2, 1, 3), padding=(1, 0, 2)
            ).shape
        ),
    ),
    ("global pool3d", method("global_pooling3d", "max"), [(1, 3, 5, 6, 7)], (1, 3, 1, 1, 1)),
]
for _name in (
    "erf",
    "gelu",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "exp2",
    "ceil",
    "floor",
    "round",
    "sign",
):
    EXACT.append((_name, method(_name), [X], X))
for _name in ("add", "multiply", "divide", "subtract", "max", "min", "floor_div", "mod", "pow"):
    EXACT.append(
        (
            _name + " broadcastable",
            many(_name + "_broadcastable", "ab"),
            [(2, 1, 5), (7, 1)],
            (z(2, 1, 5) + z(7, 1)).shape,
        )
    )
for _name in ("prod", "mean", "max", "min", "l1", "l2", "sumsquare", "logsum", "logsumexp"):
    EXACT.append(
        ("reduce " + _name, method("reduce_" + _name, [-2], keepdims=False), [X], (2, 4, 18))
    )

C = (4, 13, 18)  # declared [C, H, W] in a RANK5 network
RANK5 = [
    ("conv", conv(4, 8, (3, 3)), [C], (1, 1, 8, 11, 16)),
    ("pool global", pool((0, 0), (1, 1), "VALID", True), [C], (1, 1, 4, 1, 1)),
    ("upsample", late("upsample", 2, 3), [C], (1, 1, 4, 26, 54)),
    ("resize", method("resize_bilinear", 25, 31), [C], (1, 1, 4, 25, 31)),
    ("add a channel vector", elementwise("ADD"), [C, (4,)], (1, 1, 4, 13, 18)),
    ("concat", elementwise("CONCAT"), [C, (1, 13, 18)], (1, 1, 5, 13, 18)),
    ("sequence concat", elementwise("SEQUENCE_CONCAT"), [C, C], (2, 1, 4, 13, 18)),
    (
        "constant of a channel vector",
        lambda b: b.add_load_constant("l", "out", z(4), [4, 1, 1]),
        [C],
        (1, 1, 4, 1, 1),
    ),
    ("permute", late("permute", (0, 3, 1, 2)), [C], (1, 1, 18, 4, 13)),
    ("permute with the sequence", late("permute", (3, 1, 2, 0)), [C], (18, 1, 4, 13, 1)),
    ("reshape", method("reshape", (12, 6, 13), 0), [C], (1, 1, 12, 6, 13)),
    ("reshape to a sequence", method("reshape", (4, 13, 18, 1), 0), [C], (4, 1, 13, 18, 1)),
    ("flatten", late("flatten", 0), [C], (1, 1, 936, 1, 1)),
    ("sequence repeat", late("sequence_repeat", 5), [C], (5, 1, 4, 13, 18)),
    ("slice channel", method("slice", "channel", 0, 2, 1), [C], (1, 1, 2, 13, 18)),
    ("split", lambda b: b.add_split("l", "a", ["out", "o2"]), [C], [(1, 1, 2, 13, 18)] * 2),
    (
        "inner product",
        lambda b: b.add_inner_product("l", z(7, 936), None, 936, 7, False, "a", "out"),
        [C],
        (1, 1, 7, 1, 1),
    ),
    ("reduce", lambda b: b.add_reduce("l", "a", "out", "W", "sum"), [C], (1, 1, 4, 13, 1)),
    ("dot", elementwise("COS"), [(4,), (4,)], (1, 1, 1, 1, 1)),
    (
        "embedding",
        lambda b: b.add_embedding("l", z(9, 7), None, 9, 7, False, "a", "out"),
        [(1,)],
        (1, 1, 7, 1, 1),
    ),
    (
        "simple rnn",
        lambda b: b.add_simple_rnn("l", z(6, 6), z(6, 5), None, 6, 5, "TANH", ["a"], ["out", "o2"]),
        [(5,)],
        [(1, 1, 6, 1, 1)] * 2,
    ),
    (
        "gru",
        lambda b: b.add_gru(
            "l", [z(6, 6)] * 3, [z(6, 5)] * 3, None, 6, 5, ["a"], ["out", "o2"], output_all=True
        ),
        [(5,)],
        [(1, 1, 6, 1, 1)] * 2,
    ),
    ("lstm", lstm(), [(5,)], [(1, 1, 6, 1, 1)] * 3),
    ("lstm of both directions", bilstm(), [(5,)], [(1, 1, 12, 1, 1)] + [(1, 1, 6, 1, 1)] * 4),
]
# Recurrent layers over a sequence need rank 5 inputs, which only EXACT mapping can declare.
EXACT += [
    ("lstm, last step", lstm(), [(9, 2, 5, 1, 1)], [(1, 2, 6, 1, 1)] * 3),
    (
        "lstm, all steps",
        lstm(output_all=True),
        [(9, 2, 5, 1, 1)],
        [(9, 2, 6, 1, 1)] + [(1, 2, 6, 1, 1)] * 2,
    ),
    (
        "both ways, all steps",
        bilstm(output_all=True),
        [(9, 2, 5, 1, 1)],
        [(9, 2, 12, 1, 1)] + [(1, 2, 6, 1, 1)] * 4,
    ),
]
ROWS = [row + (False,) for row in EXACT] + [row + (True,) for row in RANK5]


def test_row_names_are_unique():
    names = [(row[0], row[-1]) for row in ROWS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("call", "inputs", "expected", "rank5"),
    [row[1:] for row in ROWS],
    ids=[("rank5 " if row[-1] else "") + row[0] for row in ROWS],
)
def test_builder_call(call, inputs, expected, rank5):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            model = build(call, inputs, rank5)
    except (AttributeError, TypeError, ValueError, NotImplementedError) as error:
        import coremltools

        version = getattr(coremltools, "__version__", "3")
        if int(version.split(".")[0]) >= 9:
            raise
        pytest.skip(
            "coremltools {} cannot build it (pip install -U coremltools): {}".format(version, error)
        )
    found = shapes.infer(model)
    assert found.conflicts == ()
    outputs = found.layers["layers[0]"].outputs
    expected = expected if isinstance(expected, list) else [expected]
    assert outputs == tuple(shapes.Known(tuple(int(n) for n in dims)) for dims in expected)
    assert found.outputs == {"out": outputs[0]}


def test_the_table_covers_the_rules():
    """Every kind with a rule is built by a row, but for those that coremltools cannot build."""
    import coremltools

    if int(getattr(coremltools, "__version__", "3").split(".")[0]) < 9:
        pytest.skip("needs coremltools 9, which builds all rows: pip install -U coremltools")
    built = set()
    for _, call, inputs, _, rank5 in ROWS:
        with contextlib.redirect_stderr(io.StringIO()):
            built.add(build(call, inputs, rank5).neuralNetwork.layers[0].WhichOneof("layer"))
    assert set(shapes.RULES) - built == ELSEWHERE


#: Tested in test_shapes_network.py: sizes that depend on values, near copies, marks.
ELSEWHERE = {
    "sliceDynamic",
    "fillDynamic",
    "randomNormalDynamic",
    "randomUniformDynamic",
    "randomBernoulliDynamic",
    "reshapeDynamic",
    "broadcastToDynamic",
    "rangeDynamic",
    "whereNonZero",
    "randomNormalStatic",
    "randomBernoulliStatic",
    "randomUniformLike",
    "randomBernoulliLike",
    "reverseSeq",
    "scatterND",
    "scatterAlongAxis",
    "loopBreak",
    "loopContinue",
}
