"""Images [B, C, H, W] at coordinates of their own for each pixel: resample and affine.

All keep the dtype of the images; coordinates are computed in double precision.

Source: the documentation of MIL's `resample` and `affine` operations.
"""

from typing import Callable, Dict, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank, need_room


def resample(
    images: np.ndarray, x: np.ndarray, y: np.ndarray, mode: str, padding: str, value: float = 0.0
) -> np.ndarray:
    """Pixels at x and y, in pixels and each [B or 1, N, M] → [B, C, N, M].

    mode: bilinear or nearest. padding says what lies outside: `constant` (the value), `border`,
    `reflection` or `symmetric`.

    Raises:
        KernelError: a mode is not known.
    """
    need_rank(images, 4, 4)
    if padding not in _OUTSIDE or mode not in ("bilinear", "nearest"):
        raise KernelError(f"samples by `{mode}` with padding `{padding}`, not known here")
    height, width = images.shape[-2:]
    need_room(images.shape[:2] + x.shape[-2:])
    if padding != "constant":
        y, x = _OUTSIDE[padding](y, height), _OUTSIDE[padding](x, width)
    if mode == "nearest":
        return _pick(images, np.rint(y), np.rint(x), padding, value)
    top, left = np.floor(y), np.floor(x)
    down, right = (y - top)[:, np.newaxis], (x - left)[:, np.newaxis]
    result = np.zeros(images.shape[:2] + x.shape[-2:], images.dtype)
    for rows, down_share in ((top, 1 - down), (top + 1, down)):
        for columns, right_share in ((left, 1 - right), (left + 1, right)):
            share = (down_share * right_share).astype(images.dtype)
            # A tap beyond the edge has no share where coordinates were brought inside before.
            result += share * _pick(images, rows, columns, padding, value)
    return result


def _pick(
    images: np.ndarray, rows: np.ndarray, columns: np.ndarray, padding: str, value: float
) -> np.ndarray:
    height, width = images.shape[-2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    bring = _OUTSIDE[padding]
    down = np.clip(bring(rows, height), 0, height - 1).astype(np.int64)
    across = np.clip(bring(columns, width), 0, width - 1).astype(np.int64)
    batch = np.arange(len(images)).reshape(-1, 1, 1, 1)
    channel = np.arange(images.shape[1]).reshape(1, -1, 1, 1)
    found = images[batch, channel, down[:, np.newaxis], across[:, np.newaxis]]
    if padding == "constant":
        found = np.where(inside[:, np.newaxis], found, images.dtype.type(value))
    return np.asarray(found)


def _border(at: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(np.clip(at, 0, size - 1))


def _reflection(at: np.ndarray, size: int) -> np.ndarray:
    if size == 1:
        return np.zeros_like(at)
    period = 2.0 * (size - 1)
    inside = np.mod(at, period)
    return np.asarray(np.minimum(inside, period - inside))


def _symmetric(at: np.ndarray, size: int) -> np.ndarray:
    inside = np.mod(at + 0.5, 2.0 * size)
    return np.clip(np.minimum(inside, 2.0 * size - inside) - 0.5, 0, size - 1)


_OUTSIDE: Dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "constant": _border,
    "border": _border,
    "reflection": _reflection,
    "symmetric": _symmetric,
}


def pixel_coordinates(
    at: np.ndarray, size: int, coordinates_mode: str, align_corners: bool
) -> np.ndarray:
    """Coordinates in pixels, of others: float64.

    align_corners: the ends of a normalized interval are the centers of the outer pixels; else
    their outer edges.

    Raises:
        KernelError: the mode is not known.
    """
    at = at.astype(np.float64)
    if coordinates_mode == "unnormalized":
        return at
    if coordinates_mode == "normalized_minus_one_to_one":
        at = (at + 1) / 2
    elif coordinates_mode != "normalized_zero_to_one":
        raise KernelError(f"has coordinates `{coordinates_mode}`, not known here")
    return at * (size - 1) if align_corners else at * size - 0.5


def affine_coordinates(
    matrix: np.ndarray, size: Tuple[int, int], coordinates_mode: str
) -> Tuple[np.ndarray, np.ndarray]:
    """x' and y' of every output pixel of `size`, [D, height, width] each, for matrices [D, 6].

    x' = a0 x + a1 y + a2 and y' = b0 x + b1 y + b2, in coordinates of that mode, whose ends are the
    centers of the outer pixels.
    """
    if matrix.ndim != 2 or matrix.shape[1] != 6:
        raise KernelError(f"has a matrix of {matrix.shape}")
    need_room((len(matrix), *size))
    y, x = (_line(count, coordinates_mode) for count in size)
    a0, a1, a2, b0, b1, b2 = (
        column.reshape(-1, 1, 1) for column in matrix.astype(np.float64).transpose()
    )
    x, y = x.reshape(1, 1, -1), y.reshape(1, -1, 1)
    return a0 * x + a1 * y + a2, b0 * x + b1 * y + b2


def _line(count: int, coordinates_mode: str) -> np.ndarray:
    if coordinates_mode == "unnormalized":
        return np.arange(count, dtype=np.float64)
    first = -1.0 if coordinates_mode == "normalized_minus_one_to_one" else 0.0
    return np.linspace(first, 1.0, count)
