"""Which sizes cannot be, whatever the kind of model."""

from typing import Optional

from coreml_resize_fix.formats.inference.call import MAX_RANK, MAX_SIZE, Call, brief, show
from coreml_resize_fix.formats.shapes import Dims


def sane(call: Call, dims: Dims, what: str, least: int = 1) -> Optional[Dims]:
    """Sizes that cannot be are conflicts, and unknown to whatever reads them.

    what: the word for what is made, a blob or a tensor.
    """
    if len(dims) > MAX_RANK:
        call.conflict(f"gives a {what} of rank {len(dims)}")
        return None
    if all(size is None or least <= size <= MAX_SIZE for size in dims):
        return dims
    if not call.conflicts:
        huge = any(size is not None and abs(size) > MAX_SIZE for size in dims)
        size_text = "more than 2^40" if huge else show(brief(dims))
        call.conflict(f"gives a size of {size_text}")
    return tuple(None if size is None or not 1 <= size <= MAX_SIZE else size for size in dims)
