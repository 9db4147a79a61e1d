"""Axes as NumPy arrays, and the reference resize, at about the speed of PyTorch on one thread."""

from typing import List, Optional, Tuple

import numpy as np

from coreml_resize_fix.sampling.grid import AxisSpec
from coreml_resize_fix.sampling.kernels import taps

# Planes are worked on in blocks whose buffers stay in a core's cache.
_BLOCK_ELEMENTS = 1 << 16

# (source index of every output, weight of every output or None if all are one), a pair per tap
_Passes = List[Tuple[np.ndarray, Optional[np.ndarray]]]


def tap_arrays(spec: AxisSpec) -> Tuple[np.ndarray, np.ndarray]:
    """Source index (int64) and weight (float64) of every tap, each of shape (N, K).

    Rows of fewer taps are filled up with pixel 0 at weight 0.
    """
    rows = taps(spec)
    width = max(map(len, rows))
    nothing = (0, 0.0)
    filled = [row + (nothing,) * (width - len(row)) for row in rows]
    index = np.array([[index for index, _ in row] for row in filled], np.int64)
    return index, np.array([[weight for _, weight in row] for row in filled], np.float64)


def matrix(spec: AxisSpec) -> np.ndarray:
    """The axis as a linear map: float64 of shape (N, X), output = matrix @ input."""
    index, weight = tap_arrays(spec)
    dense = np.zeros((spec.output_size, spec.input_size))
    np.add.at(dense, (np.arange(spec.output_size)[:, np.newaxis], index), weight)
    return dense


def resize(x: np.ndarray, rows: AxisSpec, columns: AxisSpec) -> np.ndarray:
    """A copy of x, shape (..., H, W), resized to (..., rows.output_size, columns.output_size).

    Keeps the dtype, which must be floating; weights are rounded to it, and float16 is computed in
    float32. Raises ValueError for another dtype, fewer than two axes, or sizes that do not fit.
    """
    expected = (rows.input_size, columns.input_size)
    if x.ndim < 2 or x.shape[-2:] != expected:
        raise ValueError(f"the last two axes must be {expected}, got shape {x.shape}")
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"only floating dtypes can be resized, got {x.dtype}")
    dtype = np.result_type(x.dtype, np.float32)
    planes = x.reshape((-1,) + expected)
    out = np.empty((len(planes), rows.output_size, columns.output_size), x.dtype)
    across, down = _passes(columns, dtype, (-1,)), _passes(rows, dtype, (-1, 1))
    tallest = max(rows.input_size, rows.output_size)
    block = max(1, _BLOCK_ELEMENTS // (tallest * columns.output_size))
    wide = np.empty((block, rows.input_size, columns.output_size), dtype)
    tall = np.empty((block,) + out.shape[1:], dtype)
    wide_spare, tall_spare = np.empty_like(wide), np.empty_like(tall)
    is_direct = out.dtype == dtype
    for start in range(0, len(planes), block):
        part = np.ascontiguousarray(planes[start : start + block], dtype)
        size = len(part)
        _apply(part, across, -1, wide[:size], wide_spare[:size])
        target = out[start : start + size] if is_direct else tall[:size]
        _apply(wide[:size], down, -2, target, tall_spare[:size])
        if not is_direct:
            out[start : start + size] = target
    resized: np.ndarray = out.reshape(x.shape[:-2] + out.shape[1:])
    return resized


def _passes(spec: AxisSpec, dtype: np.dtype, shape: Tuple[int, ...]) -> _Passes:
    index, weight = tap_arrays(spec)
    # A tap that no output uses would only turn infinities into NaN.
    used = [k for k in range(index.shape[1]) if weight[:, k].any()] or [0]
    return [
        (
            np.ascontiguousarray(index[:, k]),
            None if (weight[:, k] == 1).all() else weight[:, k].astype(dtype).reshape(shape),
        )
        for k in used
    ]


def _apply(
    source: np.ndarray, passes: _Passes, axis: int, target: np.ndarray, spare: np.ndarray
) -> None:
    for number, (index, weight) in enumerate(passes):
        into = spare if number else target
        # mode="clip" lets NumPy write into the buffer directly; the indices are in range anyway.
        np.take(source, index, axis=axis, out=into, mode="clip")
        if weight is not None:
            np.multiply(into, weight, out=into)
        if number:
            np.add(target, spare, out=target)
