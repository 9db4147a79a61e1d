"""Every kind of operation that the executor computes, on small values: one row or more.

A row has the kind, its parameters, and the first iOS that has it so. A parameter is a constant, a
seeded input of the program (`Given`), another operation that makes it, or a tuple of several.
"""

import itertools
from functools import partial
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from coreml_resize_fix.conformance.case import Case, drawn, executed
from coreml_resize_fix.conformance.models import HALF, SINGLE, program
from coreml_resize_fix.formats.mlprogram.steps import Constant, Input, Made, Named, Step
from coreml_resize_fix.formats.model import ML_PROGRAM


class Given(NamedTuple):
    """An input of the program."""

    name: str
    shape: Tuple[int, ...]


class Op(NamedTuple):
    """An operation whose parameters are values, as `program` takes them in their own form."""

    kind: str
    given: Dict[str, Any]
    ios: int = 15


_SAID = (str, bool, int, float)  # parameters that the name of a case says

# Why a kind has no row.
LEFT_OUT = {
    f"constexpr_{kind}": "weights of fewer bits lie in the weight file, as coremltools writes them"
    for kind in (
        "affine_dequantize", "blockwise_shift_scale", "cast", "lut_to_dense", "lut_to_sparse",
        "sparse_blockwise_shift_scale", "sparse_to_dense",
    )
}  # fmt: skip


def _given(*shape: int) -> Given:
    return Given("x", shape)


def _second(*shape: int) -> Given:
    return Given("x2", shape)


def _of_x(kind: str, **given: Any) -> Op:
    return Op(kind, {"x": X, **given})


def _numbers(*shape: int) -> np.ndarray:
    """Weights, between 0.5 and 1.5."""
    return drawn(shape, len(shape)) / 2 + 1


def _real(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


X, Y = _given(1, 4, 6, 4), _second(1, 4, 6, 4)
ROW = _given(3, 5)
POSITIVE = _of_x("abs")
TRUE = [Op("greater", {"x": one, "y": 0.0}) for one in (X, Y)]
WHOLE = Op("cast", {"x": _of_x("mul", y=4.0), "dtype": "int32"})
COUNT = Op("gather", {"x": _of_x("shape"), "indices": 2, "axis": 0})
PLACES = _real(-1, -2, -3.7, -1, 0, 0, 3.5, 1.2).reshape(1, 2, 2, 2)
BOX: Dict[str, Any] = {
    "target_height": 2, "target_width": 3, "normalized_coordinates": True,
    "box_coordinate_mode": "CORNERS_HEIGHT_FIRST", "spatial_scale": 1.0,
}  # fmt: skip
OLD_BOX: Dict[str, Any] = {**BOX, "roi": _real(0, 0.1, 0.3, 0.9, 1).reshape(1, 1, 5, 1, 1)}
PADDED: Dict[str, Any] = {"pad_type": "custom", "pad": [1, 0, 0, 1]}
PLAIN: Dict[str, Any] = {"pad_type": "valid", "pad": [0, 0, 0, 0]}
POOL: Dict[str, Any] = {"kernel_sizes": [2, 3], "strides": [2, 1], "ceil_mode": False}
CONV: Dict[str, Any] = {"strides": [1, 2], "dilations": [1, 1], "groups": 1, **PADDED}
SCATTERED: Dict[str, Any] = {"data": ROW, "axis": 1, "mode": "add"}

ROWS: Sequence[Op] = (
    *(_of_x(kind) for kind in (
        "relu", "relu6", "silu", "sigmoid", "softplus", "softsign", "tanh", "abs", "acos", "asin",
        "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp", "exp2", "floor", "round", "sign",
        "sin", "sinh", "square", "tan", "identity", "shape",
    )),
    *(_of_x(kind, alpha=0.3) for kind in ("leaky_relu", "elu", "threshold", "thresholded_relu")),
    *(_of_x(kind, alpha=0.6, beta=0.4) for kind in (
        "clamped_relu", "linear_activation", "scaled_tanh", "sigmoid_hard",
    )),
    *(_of_x("gelu", mode=mode)
      for mode in ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")),
    _of_x("prelu", alpha=_numbers(4)),
    _of_x("softplus_parametric", alpha=_numbers(4), beta=_numbers(4)),
    _of_x("softmax", axis=1),
    _of_x("clip", alpha=-0.5, beta=0.25),
    Op("sqrt", {"x": POSITIVE}),
    *(Op(kind, {"x": POSITIVE, "epsilon": 0.25}) for kind in ("inverse", "log", "rsqrt")),
    *(_of_x(kind, y=Y) for kind in (
        "add", "sub", "mul", "maximum", "minimum", "less", "greater",
    )),
    _of_x("real_div", y=_numbers(4, 1, 1)),
    *(_of_x(kind, y=0.34375) for kind in ("floor_div", "mod")),
    Op("pow", {"x": POSITIVE, "y": 1.5}),
    *(Op(kind, {"x": WHOLE, "y": 1}) for kind in (
        "equal", "not_equal", "less_equal", "greater_equal",
    )),
    *(Op(kind, {"x": TRUE[0], "y": TRUE[1]}) for kind in (
        "logical_and", "logical_or", "logical_xor",
    )),
    Op("logical_not", {"x": TRUE[0]}),
    Op("select", {"cond": TRUE[0], "a": X, "b": Y}),
    WHOLE,
    *(_of_x(kind, axes=[1, -1], keep_dims=True) for kind in (
        "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "reduce_l1_norm",
        "reduce_l2_norm", "reduce_sum_square", "reduce_log_sum_exp",
    )),
    Op("reduce_log_sum", {"x": POSITIVE, "axes": [1], "keep_dims": False}),
    *(_of_x(kind, axis=1, keep_dims=False) for kind in ("reduce_argmax", "reduce_argmin")),
    _of_x("argsort", axis=2, ascending=True),
    _of_x("topk", k=2, axis=2, ascending=False),
    _of_x("cumsum", axis=2, exclusive=True, reverse=False),
    _of_x("cumsum", axis=1, exclusive=False, reverse=True),
    _of_x("batch_norm", mean=_numbers(4), variance=_numbers(4), gamma=_numbers(4),
          beta=_numbers(4), epsilon=0.5),
    _of_x("instance_norm", gamma=_numbers(4), beta=_numbers(4), epsilon=0.5),
    _of_x("layer_norm", axes=[3], gamma=_numbers(4), beta=_numbers(4), epsilon=0.5),
    _of_x("l2_norm", epsilon=0.5),
    *(_of_x("local_response_norm", size=size, alpha=0.5, beta=0.25, k=2.0) for size in (3, 2)),
    Op("linear", {"x": ROW, "weight": _numbers(2, 5), "bias": _numbers(2)}),
    Op("matmul", {"x": _given(2, 4, 5), "y": _second(2, 3, 5), "transpose_x": False,
                  "transpose_y": True}),
    Op("einsum", {"values": (_given(1, 4, 2, 3), _second(1, 3, 2, 5)),
                  "equation": "bnhw,bwhc->bnhc"}),
    Op("scaled_dot_product_attention",
       {"query": _given(1, 2, 5, 4), "key": _second(1, 2, 6, 4), "value": _second(1, 2, 6, 4)}, 18),
    _of_x("conv", weight=_numbers(3, 4, 2, 3), bias=_numbers(3), **CONV),
    _of_x("conv", weight=_numbers(4, 2, 2, 2), **{**CONV, **PLAIN, "groups": 2}),
    _of_x("conv", weight=_numbers(3, 4, 3, 2), **{**CONV, **PLAIN, "pad_type": "same"}),
    _of_x("conv_transpose", weight=_numbers(4, 3, 2, 3), **CONV),
    _of_x("conv_transpose", weight=_numbers(4, 1, 3, 2),
          **{**CONV, **PLAIN, "pad_type": "same", "strides": [2, 2]}),
    *(_of_x("avg_pool", exclude_padding_from_average=excluded, **POOL, **PADDED)
      for excluded in (False, True)),
    _of_x("avg_pool", exclude_padding_from_average=False, **{**POOL, "ceil_mode": True}, **PLAIN),
    _of_x("max_pool", **POOL, **PADDED),
    _of_x("l2_pool", kernel_sizes=[2, 2], strides=[2, 2], **PLAIN),
    _of_x("upsample_bilinear", scale_factor_height=2, scale_factor_width=3, align_corners=True),
    _of_x("upsample_nearest_neighbor", scale_factor_height=2, scale_factor_width=3),
    _of_x("resize_bilinear", target_size_height=9, target_size_width=5,
          sampling_mode="UNALIGN_CORNERS"),
    _of_x("resize_nearest_neighbor", target_size_height=9, target_size_width=3),
    Op("resize", {"x": X, "shape": Op("slice_by_index", {
        "x": Op("shape", {"x": _second(2, 7, 9)}), "begin": [1], "end": [3]}),
        "resized_dims": np.uint32(2), "interpolation_mode": "LINEAR",
        "sampling_mode": "UNALIGN_CORNERS"}, 17),
    *(_of_x("crop_resize", sampling_mode=mode, **OLD_BOX) for mode in (
        "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS",
    )),
    Op("crop_resize", {"x": X, "boxes": _real(0.1, 0.3, 1.3, 1).reshape(1, 4), "box_indices": [0],
                       "pad_value": 2.0, "sampling_mode": "ALIGN_CORNERS", **BOX}, 17),
    *(_of_x("resample", coordinates=PLACES, sampling_mode=sampling, padding_mode=padding,
            padding_value=6.0, coordinates_mode=mode, align_corners=aligned)
      for sampling, padding, mode, aligned in (
          ("bilinear", "constant", "normalized_minus_one_to_one", True),
          ("nearest", "border", "unnormalized", False),
          ("bilinear", "reflection", "normalized_minus_one_to_one", False),
          ("nearest", "symmetric", "normalized_zero_to_one", False),
      )),
    _of_x("affine", transform_matrix=_real(-1, -2, -3.7, -1, 3.5, 1.2).reshape(1, 6),
          output_height=3, output_width=5, sampling_mode="bilinear", padding_mode="constant",
          padding_value=0.0, coordinates_mode="normalized_minus_one_to_one", align_corners=True),
    _of_x("pixel_shuffle", upscale_factor=2),
    Op("pixel_unshuffle", {"x": X, "downscale_factor": np.uint32(2)}, 16),
    *(_of_x(kind, block_size=2) for kind in ("space_to_depth", "depth_to_space")),
    _of_x("space_to_batch", block_shape=[2, 1], paddings=[[1, 1], [0, 2]]),
    Op("batch_to_space", {"x": _given(4, 2, 3, 2), "block_shape": [2, 2],
                          "crops": [[1, 0], [0, 1]]}),
    Op("concat", {"values": (X, Y), "axis": 1, "interleave": True}),
    Op("concat", {"values": (X, Y), "axis": 2, "interleave": False}),
    Op("stack", {"values": (X, Y), "axis": 1}),
    _of_x("split", split_sizes=[1, 3], axis=1),
    _of_x("slice_by_index", begin=[0, 3, 4, 2], end=[1, 0, 1, 0], stride=[1, -1, -2, 1],
          begin_mask=[False] * 4, end_mask=[True, True, False, True],
          squeeze_mask=[False, False, False, True]),
    _of_x("slice_by_size", begin=[0, 1, 2, 0], size=[1, 2, -1, 3]),
    Op("slice_update", {"x": _given(4, 5), "update": _second(2, 2), "begin": [1, 2],
                        "end": [3, 5], "stride": [1, 2]}, 18),
    *(_of_x("pad", pad=[1, 2, 3, 0], mode=mode, constant_val=2.0)
      for mode in ("constant", "reflect", "replicate")),
    _of_x("crop", crop_height=[1, 2], crop_width=[0, 1]),
    _of_x("tile", reps=[2, 1, 1, 3]),
    _of_x("sliding_windows", axis=2, size=3, stride=2),
    _of_x("reverse", axes=[1, -1]),
    Op("reverse_sequence", {"x": ROW, "lengths": [3, 1, 5], "seq_axis": 1, "batch_axis": 0}),
    _of_x("band_part", lower=1, upper=0),
    _of_x("reshape", shape=[2, -1, 3]),
    Op("reshape_like", {"x": _given(4, 6), "ref_tensors": (_second(8, 3),),
                        "begins": (0,), "ends": (2,), "end_masks": (False,)}, 16),
    _of_x("squeeze", axes=[0]),
    _of_x("expand_dims", axes=[1]),
    _of_x("transpose", perm=[0, 2, 3, 1]),
    _of_x("flatten2d", axis=-2),
    Op("fill", {"shape": _of_x("shape"), "value": 2.0}),
    Op("fill_like", {"ref_tensor": X, "value": 2.0}, 16),
    Op("range_1d", {"start": 1, "end": COUNT, "step": 2}),
    Op("one_hot", {"indices": _of_x("shape"), "one_hot_vector_size": 8, "axis": -1,
                   "on_value": 3, "off_value": -1}),
    Op("gather", {"x": ROW, "indices": [2, 0, 2], "axis": 1}),
    Op("gather_along_axis", {"x": ROW, "indices": [[0, 4], [1, 1], [3, 2]], "axis": 1}),
    Op("gather_nd", {"x": ROW, "indices": [[0, 4], [2, 1]]}),
    Op("scatter", {"indices": [4, 1], "updates": _second(3, 2), **SCATTERED}),
    Op("scatter_along_axis", {"indices": [[4, 1]] * 3, "updates": _second(3, 2), **SCATTERED}),
    Op("scatter_nd", {"data": ROW, "indices": [[0, 4], [2, 1]], "updates": _second(2),
                      "mode": "update"}),
    Op("non_zero", {"x": Op("relu", {"x": ROW})}),
    Op("dequantize", {"input": Op("quantize", {"input": X, "scale": 0.125, "output_dtype": "int8"},
                                  17), "scale": 0.125}, 17),
)  # fmt: skip

_ALWAYS_SINGLE = (  # parameters
    "scale_factor_height", "scale_factor_width", "coordinates", "spatial_scale",
)  # fmt: skip
_TYPES = {"b": "BOOL", "i": "INT32", "u": "UINT32"}


def cases() -> Iterator[Case]:
    """All rows in either precision."""
    for row, precision in itertools.product(ROWS, (SINGLE, HALF)):
        inputs: Dict[str, np.ndarray] = {}
        steps: List[Step] = []
        versions: List[int] = []
        _flatten(row, precision, inputs, steps, versions)
        inputs = {name: inputs[name] for name in sorted(inputs)}
        model = partial(program, inputs, steps, max(versions), precision)
        said = [(key, value) for key, value in row.given.items() if isinstance(value, _SAID)]
        words = ", ".join(f"{key}={value}" for key, value in said)
        name = f"ml-program/kind/{'+'.join(step.kind for step in steps)}/{words}/{precision}"
        yield Case(name, ML_PROGRAM, precision, model, inputs, partial(executed, model, inputs))


def _flatten(
    op: Op,
    precision: str,
    inputs: Dict[str, np.ndarray],
    steps: List[Step],
    versions: List[int],
) -> Made:
    """Append an operation and those that it reads, with their inputs and specification versions."""
    bound: List[Tuple[str, Input]] = []
    for parameter, given in op.given.items():
        for value in given if type(given) is tuple else [given]:
            if isinstance(value, Op):
                bound.append((parameter, _flatten(value, precision, inputs, steps, versions)))
            elif isinstance(value, Given):
                inputs[value.name] = drawn(value.shape, len(value.name))
                bound.append((parameter, Named(value.name)))
            else:
                real = "FLOAT16" if precision == HALF else "FLOAT32"
                single = parameter in _ALWAYS_SINGLE
                bound.append((parameter, _constant(value, "FLOAT32" if single else real)))
    steps.append(Step(op.kind, tuple(bound)))
    versions.append(op.ios - 9)
    return Made(len(steps) - 1)


def _constant(value: Any, real: str) -> Constant:
    if isinstance(value, str):
        return Constant("STRING", (value,))
    array = np.array(value)
    numbers = tuple(array.ravel().tolist())
    return Constant(_TYPES.get(array.dtype.kind, real), numbers, array.shape)
