"""Join what is known of one blob: on several ways through a network, and at several sizes."""

from typing import Iterable, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.formats.inference.call import Blob
from coreml_resize_fix.formats.shapes import Conflict, Dims, Flexible, Known, Shape, Unknown


def widen(blobs: Sequence[Blob], reason: str) -> Blob:
    """The shape in which all blobs agree; a dimension in which they differ is not known."""
    first = blobs[0]
    for blob in blobs[1:]:
        if blob.dims == first.dims:
            continue
        if blob.dims is None or first.dims is None:
            return Blob(None, first.reason or blob.reason or reason)
        if len(blob.dims) != len(first.dims):
            return Blob(None, reason)
        dims = tuple(one if one == two else None for one, two in zip(first.dims, blob.dims))
        first = Blob(dims, first.reason or blob.reason or reason)
    return first


def merge(blobs: Sequence[Blob], doubled: bool, listed: bool = False) -> Shape:
    """One shape from those at each evaluation, the first of which is the declared default.

    A dimension that is known at the default and unknown at another size has a conflict there, which
    is reported; the other sizes describe the dimension. `listed`: there are no other sizes.
    """
    first = blobs[0]
    if first.dims is None:
        return Unknown(first.reason)
    if len(blobs) == 1:
        return _known(first.dims, first.reason)
    known = [blob.dims for blob in blobs if blob.dims is not None]
    if any(len(dims) != len(first.dims) for dims in known):
        return Unknown("the rank depends on the size of the input")
    if None in first.dims:
        agreed = tuple(
            sizes[0] if all(size == sizes[0] for size in sizes) else None for sizes in zip(*known)
        )
        return Unknown(first.reason, agreed)
    whole = [dims for dims in known if None not in dims]
    if len(whole) == 1:
        return Unknown("no other size of the input than the default fits", first.dims)
    ranges: List[Tuple[int, Optional[int]]] = []
    for axis in range(len(first.dims)):
        sizes = [size for size in (dims[axis] for dims in known) if size is not None]
        low, high = min(sizes), max(sizes)
        grows = doubled and _differ(blobs[-2].dims, blobs[-1].dims, axis)
        ranges.append((low, None if grows else high))
    if all(low == high for low, high in ranges):
        return Known(tuple(low for low, _ in ranges))
    samples = tuple(_whole(blob.dims) for blob in blobs)
    return Flexible(tuple(ranges), samples, listed and None not in samples)


def _whole(dims: Optional[Dims]) -> Optional[Tuple[int, ...]]:
    sizes = tuple(size for size in dims or () if size is not None)
    return sizes if dims is not None and len(sizes) == len(dims) else None


def _differ(one: Optional[Dims], other: Optional[Dims], axis: int) -> bool:
    return one is not None and other is not None and one[axis] != other[axis]


def _known(dims: Dims, reason: str) -> Shape:
    sizes = tuple(size for size in dims if size is not None)
    return Known(sizes) if len(sizes) == len(dims) else Unknown(reason, dims)


def first_conflicts(runs: Sequence[Iterable[Conflict]]) -> Tuple[Conflict, ...]:
    """The conflicts of each address at the first evaluation that has any; the default is first."""
    found: List[Conflict] = []
    seen: Set[str] = set()
    for index, run in enumerate(runs):
        new = [conflict for conflict in run if conflict.address not in seen]
        seen.update(conflict.address for conflict in new)
        found.extend(
            Conflict(item.address, item.layer, item.kind, item.message, index == 0) for item in new
        )
    return tuple(found)
