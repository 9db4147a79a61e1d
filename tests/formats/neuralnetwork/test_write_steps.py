"""The layers are filled as coremltools' own NeuralNetworkBuilder fills them."""

import contextlib
import io
import logging
import warnings

import numpy as np
import pytest

logging.disable(logging.WARNING)
with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    neural_network = pytest.importorskip("coremltools.models.neural_network")
    datatypes = pytest.importorskip("coremltools.models.datatypes")

from coreml_resize_fix.sampling import AxisSpec  # noqa: E402
from tests.support.replacing import EXACT3, EXACT4, RANK5, ROWS, context  # noqa: E402

UP2 = AxisSpec("linear", "half_pixel", 3, 6)
UP3 = AxisSpec("linear", "half_pixel", 2, 6)
DOWN = AxisSpec("linear", "half_pixel", 6, 3)
ALIGN = AxisSpec("linear", "align_corners", 3, 5)
COPY = AxisSpec("linear", "align_corners", 4, 4)
CHOICE = AxisSpec("nearest_floor", "asymmetric", 3, 5)
FIRST = AxisSpec("nearest_floor", "asymmetric", 6, 3, step=1.0)

# Written out by hand: the triangle 1/4 3/4 3/4 1/4 by itself; halves; the matrix of ALIGN.
TRIANGLE = np.array([1, 3, 3, 1]) / 4
MATRIX = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]])


def convolution(name, weight, out, kernel_channels, stride, source, target, **more):
    """Weights come as [first, second, kernel height, kernel width] and go as the builder asks."""
    transposed = more.get("is_deconv", False)
    order = (2, 3, 0, 1) if transposed else (2, 3, 1, 0)
    more.setdefault("groups", 1)
    return lambda b: b.add_convolution(
        name,
        kernel_channels=kernel_channels,
        output_channels=out,
        height=weight.shape[2],
        width=weight.shape[3],
        stride_height=stride[0],
        stride_width=stride[1],
        border_mode="valid",
        W=np.transpose(weight, order),
        b=None,
        has_bias=False,
        input_name=source,
        output_name=target,
        **more,
    )


def depthwise(pattern, channels):
    return np.tile(pattern, (channels, 1, 1, 1))


def padding(amount=1):
    return lambda b: b.add_padding(
        "up_padding", amount, amount, amount, amount,
        input_name="x", output_name="up_padding", padding_type="replication",
    )  # fmt: skip


def point(name, matrix, source, target):
    weight = matrix[:, :, np.newaxis, np.newaxis]
    return convolution(name, weight, *matrix.shape, (1, 1), source, target)


CROP = {"offset": [0, 0], "input_names": ["up_upsample"], "output_name": "y"}
CASES = {
    "deconvolution": (
        "deconvolution", UP2, UP2, RANK5,
        [
            padding(),
            convolution(
                "up", depthwise(np.outer(TRIANGLE, TRIANGLE), 2), 2, 2, (2, 2), "up_padding", "y",
                groups=2, is_deconv=True,
                padding_top=3, padding_bottom=3, padding_left=3, padding_right=3,
            ),
        ],
    ),
    "strided convolution": (
        "strided convolution", DOWN, DOWN, RANK5,
        [convolution("up", depthwise(np.full((2, 2), 0.25), 2), 2, 1, (2, 2), "x", "y", groups=2)],
    ),
    "Upsample and crop": (
        "Upsample and crop", UP3, UP3, RANK5,
        [
            padding(),
            lambda b: b.add_upsample("up_upsample", 3, 3, "up_padding", "up_upsample", "BILINEAR"),
            lambda b: b.add_crop("up", 2, 4, 2, 4, **CROP),
        ],
    ),
    "CropResize": (
        "CropResize", UP2, ALIGN, RANK5,
        [
            lambda b: b.add_padding(
                "up_padding", 0, 0, 1, 1,
                input_name="x", output_name="up_padding", padding_type="replication",
            ),
            lambda b: b.add_load_constant(
                "up_loadConstant", "up_loadConstant", np.array([0.75, 0, 3.25, 2]), [4, 1, 1]
            ),
            lambda b: b.add_crop_resize(
                "up", ["up_padding", "up_loadConstant"], "y", 6, 5,
                mode="ALIGN_ENDPOINTS_MODE", normalized_roi=False,
                box_indices_mode="CORNERS_HEIGHT_FIRST", spatial_scale=1.0,
            ),
        ],
    ),
    "CropResize of rank 3": (
        "CropResize", ALIGN, ALIGN, EXACT3,
        [
            lambda b: b.add_expand_dims("up_expandDims", "x", "up_expandDims", [0, 1]),
            lambda b: b.add_load_constant(
                "up_loadConstant", "up_loadConstant", np.array([0.0, 0, 2, 2]), [4, 1, 1]
            ),
            lambda b: b.add_crop_resize(
                "up_cropResize", ["up_expandDims", "up_loadConstant"], "up_cropResize", 5, 5,
                mode="ALIGN_ENDPOINTS_MODE", normalized_roi=False,
                box_indices_mode="CORNERS_HEIGHT_FIRST", spatial_scale=1.0,
            ),
            lambda b: b.add_squeeze("up", "up_cropResize", "y", [0, 1]),
        ],
    ),
    "gather": (
        "gather", CHOICE, FIRST, EXACT4,
        [
            lambda b: b.add_load_constant_nd(
                "up_loadConstantND", "up_loadConstantND", np.array([0.0, 0, 1, 1, 2]), [5]
            ),
            lambda b: b.add_gather("up_gather", ["x", "up_loadConstantND"], "up_gather", -2),
            lambda b: b.add_load_constant_nd(
                "up_loadConstantND_2", "up_loadConstantND_2", np.array([0.0, 1, 2]), [3]
            ),
            lambda b: b.add_gather("up", ["up_gather", "up_loadConstantND_2"], "y", -1),
        ],
    ),
    "matrix product": (
        "matrix product", ALIGN, ALIGN, EXACT4,
        [
            lambda b: b.add_load_constant_nd(
                "up_loadConstantND", "up_loadConstantND", MATRIX, [5, 3]
            ),
            lambda b: b.add_batched_mat_mul(
                "up_batchedMatmul", ["up_loadConstantND", "x"], "up_batchedMatmul"
            ),
            lambda b: b.add_batched_mat_mul(
                "up", ["up_batchedMatmul"], "y",
                weight_matrix_rows=3, weight_matrix_columns=5, W=MATRIX.T,
            ),
        ],
    ),
    "1×1 convolution": (
        "1×1 convolution", ALIGN, COPY, RANK5,
        [
            lambda b: b.add_permute("up_permute", (0, 2, 1, 3), "x", "up_permute"),
            point("up_convolution", MATRIX, "up_permute", "up_convolution"),
            lambda b: b.add_permute("up", (0, 2, 1, 3), "up_convolution", "y"),
        ],
    ),
}  # fmt: skip


def built_by_apple(calls, exact):
    """The layers that the builder makes of these calls."""
    options = {"disable_rank5_shape_mapping": True} if exact else {}
    shape = (1, 2, 3, 3) if exact else (2, 3, 3)
    builder = neural_network.NeuralNetworkBuilder(
        [("x", datatypes.Array(*shape))], [("y", datatypes.Array(1))], **options
    )
    for call in calls:
        call(builder)
    layers = list(builder.spec.neuralNetwork.layers)
    for layer in layers:
        # Ranks, which the builder guesses; optional in the format.
        del layer.inputTensor[:], layer.outputTensor[:]
        layer.name = part(layer.name)
        layer.input[:] = [part(name) for name in layer.input]
        layer.output[:] = [part(name) for name in layer.output]
    return layers


def part(name):
    """Names are short above; test_names.py looks at the real ones."""
    return name.replace("up_", "up__resize_")


@pytest.mark.parametrize("case", sorted(CASES))
def test_same_messages(case):
    row, rows, columns, layout, calls = CASES[case]
    ours = ROWS[row].build(context(rows, columns, layout, channels=2))
    theirs = built_by_apple(calls, layout[0])
    assert [layer.name for layer in ours] == [layer.name for layer in theirs]
    for our, their in zip(ours, theirs):
        # As bytes: the classes may be loaded twice with an old protobuf.
        assert our.SerializeToString(deterministic=True) == their.SerializeToString(
            deterministic=True
        ), "{}\nis not\n{}".format(our, their)
