"""Weights that are stored in fewer bits: packed integers, scales and offsets, tables, masks.

Sources: the documentation of MIL's constexpr operations of iOS 16 and iOS 18, and of
QuantizationParams in NeuralNetwork.proto.
"""

from typing import Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.verify.kernels.checks import KernelError, need_room


def unpacked(data: bytes, bits: int, count: int, high_first: bool = False) -> np.ndarray:
    """`count` unsigned numbers of 1 to 8 bits, one behind the other: uint8 [count].

    The first number takes the lowest bits of the first byte (ML Programs), or the highest.

    Raises:
        KernelError: there are not so many.
    """
    if not 1 <= bits <= 8 or count * bits > 8 * len(data):
        raise KernelError(f"{len(data)} bytes do not hold {count} numbers of {bits} bits")
    need_room((count, bits))
    stored = np.frombuffer(data, np.uint8)
    if bits == 8:
        return stored[:count]
    each = _bits_of(stored, high_first)[: count * bits].reshape(count, bits)
    places = np.arange(bits)[::-1] if high_first else np.arange(bits)
    return np.asarray((each << places.astype(np.uint8)).sum(axis=1, dtype=np.uint8))


def _bits_of(stored: np.ndarray, high_first: bool) -> np.ndarray:
    return np.unpackbits(stored, bitorder="big" if high_first else "little")


def scaled(
    data: np.ndarray, scale: np.ndarray, offset: Optional[np.ndarray], dtype: np.dtype
) -> np.ndarray:
    """scale * (data - offset); scale and offset have the rank of the data, and repeat in blocks.

    Raises:
        KernelError: an axis is no multiple of theirs.
    """
    made: np.ndarray = data.astype(dtype)
    if offset is not None:
        made -= _spread(offset.astype(dtype), data.shape)
    made *= _spread(scale.astype(dtype), data.shape)
    return made


def _spread(numbers: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
    if numbers.ndim != len(shape) or any(n == 0 or m % n for m, n in zip(shape, numbers.shape)):
        raise KernelError(f"{numbers.shape} do not divide {shape} into blocks")
    for axis, (whole, count) in enumerate(zip(shape, numbers.shape)):
        if count not in (1, whole):
            numbers = np.repeat(numbers, whole // count, axis)
    return numbers


def table_lookup(indices: np.ndarray, table: np.ndarray, vector_axis: Optional[int]) -> np.ndarray:
    """Vectors from tables: table [*groups, entries, length], where groups divide the indices.

    The numbers of a vector follow each other along `vector_axis` of the result.

    Raises:
        KernelError: the table has another rank, or not enough entries.
    """
    rank = indices.ndim
    if table.ndim != rank + 2:
        raise KernelError(f"has a table of {table.shape} for indices of {indices.shape}")
    if indices.size and int(indices.max()) >= table.shape[-2]:
        raise KernelError(f"takes entry {int(indices.max())} of {table.shape[-2]}")
    length = table.shape[-1]
    need_room(indices.shape + (length,))
    groups = [
        _group(axis, whole, count, rank)
        for axis, (whole, count) in enumerate(zip(indices.shape, table.shape))
    ]
    found = table[tuple(groups) + (indices.astype(np.int64),)]
    if length == 1:
        return np.asarray(found[..., 0])
    axis = (vector_axis or 0) % rank
    shape = list(indices.shape)
    shape[axis] *= length
    return np.asarray(np.moveaxis(found, -1, axis + 1).reshape(shape))


def _group(axis: int, whole: int, count: int, rank: int) -> np.ndarray:
    if count < 1 or whole % count:
        raise KernelError(f"{count} tables do not divide an axis of {whole}")
    group = np.arange(whole) // (whole // count)
    return group.reshape((-1,) + (1,) * (rank - axis - 1))


def unmasked(values: np.ndarray, mask: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """An array of this shape with the values, in order, where the mask is not 0, and 0 elsewhere.

    Raises:
        KernelError: there are more or fewer values than places.
    """
    need_room(shape)
    made = np.zeros(int(np.prod(shape, dtype=np.int64)), values.dtype)
    places = np.flatnonzero(mask.reshape(-1)[: made.size])
    if len(places) != values.size:
        raise KernelError(f"{values.size} numbers do not fill {len(places)} places")
    made[places] = values.reshape(-1)
    return made.reshape(tuple(shape))
