"""Update sizes that a converter wrote down a second time, as parameters.

coremltools knows every size when it converts a network of one size. It writes the shape that
`reshape` makes, and the one that `conv_transpose` makes, as constants, of the sizes that it knew.
Behind a resize that makes another size they would not fit; they follow where the sizes of before
and those of now leave one answer.
"""

from typing import Dict, List, Optional, Sequence, Set, Tuple

from coreml_resize_fix.formats.inference.call import product
from coreml_resize_fix.formats.shapes import Dims

Sizes = Tuple[int, ...]

#: The sizes of axes that were made one, as they were → as they are. Flattened maps come back by it.
Merged = Dict[Sizes, Set[Sizes]]

#: operation → its parameter that holds the shape which it makes
PARAMETERS = {"conv_transpose": "output_shape", "reshape": "shape"}


def resolved(wanted: Sequence[int], x: Dims) -> Optional[Sizes]:
    """What a reshape to `wanted` makes: 0 keeps a size, one -1 takes the rest; None: it fits not.

    Raises:
        ValueError: it keeps sizes of another rank, or leaves two open.
    """
    if (0 in wanted and len(wanted) != len(x)) or list(wanted).count(-1) > 1:
        raise ValueError("it keeps dimensions of another rank, or leaves two of them open")
    kept = [x[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    sizes = [size for size in kept if size is not None]
    whole, rest = product(x), product([size for size in sizes if size != -1])
    if whole is None or not rest or len(sizes) != len(kept):
        return None
    if -1 in sizes and whole % rest == 0:
        return tuple(whole // rest if size == -1 else size for size in sizes)
    return tuple(sizes) if whole == rest and -1 not in sizes else None


def reshaped(old: Sizes, target: Sizes, new: Sizes, merged: Merged) -> Optional[Sizes]:
    """The shape that takes the place of `target` when x is `new` instead of `old`.

    Axes belong together whose sizes multiply to the same number, as few as possible. Where none of
    them changes nothing does; where several become one it is their product; one that is taken apart
    becomes what the same axes became where they were put together. Else there is no answer: None.
    """
    result: List[int] = []
    pairs = _groups(old, target)
    if pairs is None:
        return None
    for axes, made in pairs:
        before, after, wanted = old[axes], new[axes], target[made]
        parts = _of_group(before, after, wanted, merged)
        if parts is None:
            return None
        result += parts
    return tuple(result)


def _of_group(before: Sizes, after: Sizes, wanted: Sizes, merged: Merged) -> Optional[Sizes]:
    if before == after:
        return wanted
    now = tuple(size for was, size in zip(before, after) if was != 1)
    if len(now) != len(after) and product(now) != product(after):
        return None  # an axis of one has become another: it may belong to any of them
    whole, large = product(now) or 0, _without_ones(wanted)
    if len(large) == 1 and whole == large[0]:
        return None  # whoever takes it apart again would not see that its parts are others
    if len(large) == 1:
        merged.setdefault(_without_ones(before), set()).add(now)
        return _put(wanted, (whole,))
    if large == _without_ones(before):
        return _put(wanted, now)
    found = [sizes for sizes in merged.get(large, ()) if product(sizes) == whole]
    return _put(wanted, found[0]) if len(found) == 1 else None


def _without_ones(sizes: Sizes) -> Sizes:
    return tuple(size for size in sizes if size != 1)


def _put(wanted: Sizes, sizes: Sizes) -> Sizes:
    """These sizes in the place of those that are not one."""
    left = iter(sizes)
    return tuple(1 if size == 1 else next(left) for size in wanted)


def _groups(old: Sizes, target: Sizes) -> Optional[List[Tuple[slice, slice]]]:
    """Which axes become which: runs of axes of both shapes with the same number of elements."""
    found: List[Tuple[slice, slice]] = []
    i = j = 0
    while i < len(old) or j < len(target):
        first, start, one, other = i, j, 1, 1
        if i < len(old):
            one, i = old[i], i + 1
        if j < len(target):
            other, j = target[j], j + 1
        while one != other:
            if one < other and i < len(old):
                one, i = one * old[i], i + 1
            elif other < one and j < len(target):
                other, j = other * target[j], j + 1
            else:
                return None
        found.append((slice(first, i), slice(start, j)))
    return found
