"""Operations that make weights of numbers stored in fewer bits, and quantization at run time.

Source: the documentation of MIL's constexpr operations of iOS 16 and iOS 18, and of quantize and
dequantize.
"""

from typing import List, Optional

import numpy as np

from coreml_resize_fix.formats.mlprogram.execute.call import Call, Kinds
from coreml_resize_fix.verify.kernels import compressed
from coreml_resize_fix.verify.kernels.checks import KernelError, axis_of


def _along(numbers: np.ndarray, data: np.ndarray, axis: Optional[int]) -> np.ndarray:
    """A scalar, or one number for each element of an axis, in the rank of the data."""
    if numbers.size == 1:
        return numbers.reshape((1,) * data.ndim)
    if axis is None:
        raise KernelError(f"has {numbers.size} numbers and no axis")
    place = axis_of(axis, data.ndim)
    if numbers.size != data.shape[place]:
        raise KernelError(f"has {numbers.size} numbers for an axis of {data.shape[place]}")
    return numbers.reshape((1,) * place + (-1,) + (1,) * (data.ndim - place - 1))


def affine_dequantize(call: Call) -> np.ndarray:
    """scale * (quantized_data - zero_point), along `axis`."""
    data, axis = call.array("quantized_data"), call.size("axis", 0)
    scale, zero = (_along(call.array(name), data, axis) for name in ("scale", "zero_point"))
    return compressed.scaled(data, scale, zero, call.dtype)


def blockwise_shift_scale(call: Call) -> np.ndarray:
    """scale * (data - offset), both repeated in blocks."""
    offset = call.optional("offset")
    return compressed.scaled(call.array("data"), call.array("scale"), offset, call.dtype)


def lut_to_dense(call: Call) -> np.ndarray:
    """Entries of a table; until iOS 17 the indices are packed, and `shape` says what they fill."""
    table = call.array("lut")
    if "shape" in call:
        shape = call.whole("shape")
        bits = max(1, (table.size - 1).bit_length())
        count = int(np.prod(shape, dtype=np.int64))
        packed = call.array("indices").astype(np.uint8).tobytes()
        indices = compressed.unpacked(packed, bits, count).reshape(shape)
        table = table.reshape((1,) * len(shape) + (-1, 1))
        return compressed.table_lookup(indices, table, None)
    axis = call.size("vector_axis") if "vector_axis" in call else None
    return compressed.table_lookup(call.array("indices"), table, axis)


def sparse_to_dense(call: Call) -> np.ndarray:
    """Numbers where a bit of the mask is set; until iOS 17 the mask is packed."""
    mask = call.array("mask")
    if "shape" not in call:
        return compressed.unmasked(call.array("nonzero_data"), mask, mask.shape)
    shape = call.whole("shape")
    count = int(np.prod(shape, dtype=np.int64))
    bits = compressed.unpacked(mask.astype(np.uint8).tobytes(), 1, count)
    return compressed.unmasked(call.array("nonzero_data"), bits, shape)


def lut_to_sparse(call: Call) -> List[np.ndarray]:
    """The mask as it is, and the numbers that a table has for the indices of what is not zero."""
    mask, indices = call.array("indices_mask"), call.array("indices_nonzero_data")
    table = call.array("lut")
    if table.shape[-1] != 1 or table.size != table.shape[-2]:
        raise KernelError("has more than one table, or one of vectors, not known here")
    return [mask, table.reshape(-1)[indices.astype(np.int64)]]


def sparse_shift_scale(call: Call) -> List[np.ndarray]:
    """The mask as it is, and scale * (data - offset) of what is not zero."""
    mask, values = call.array("data_mask"), call.array("nonzero_data")
    dense = compressed.unmasked(values.astype(call.dtype), mask, mask.shape)
    scaled = compressed.scaled(dense, call.array("scale"), call.optional("offset"), call.dtype)
    return [mask, scaled[mask.astype(bool)]]


def constexpr_cast(call: Call) -> np.ndarray:
    return call.array("source_val").astype(call.dtype)


def quantize(call: Call) -> np.ndarray:
    """round(input / scale) + zero_point, kept in the range of the output."""
    x = call.array("input")
    kind = np.int8 if call.word("output_dtype") == "int8" else np.uint8
    axis = call.size("axis") if "axis" in call else None
    found = np.rint(x / _along(call.array("scale"), x, axis))
    if "zero_point" in call:
        found = found + _along(call.array("zero_point").astype(x.dtype), x, axis)
    bounds = np.iinfo(kind)
    return np.asarray(np.clip(found, bounds.min, bounds.max).astype(kind))


def dequantize(call: Call) -> np.ndarray:
    """scale * (input - zero_point)."""
    data = call.array("input")
    axis = call.size("axis") if "axis" in call else None
    zero = _along(call.array("zero_point"), data, axis) if "zero_point" in call else None
    return compressed.scaled(data, _along(call.array("scale"), data, axis), zero, call.dtype)


KINDS: Kinds = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_cast": constexpr_cast,
    "constexpr_lut_to_dense": lut_to_dense,
    "constexpr_lut_to_sparse": lut_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": sparse_shift_scale,
    "constexpr_sparse_to_dense": sparse_to_dense,
    "dequantize": dequantize,
    "quantize": quantize,
}
