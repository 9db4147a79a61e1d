"""Count the windows of a convolution or pooling along an axis.

Source: the documentation of MIL's conv and pooling operators. Sizes are in elements; None stands
for one that is not known.
"""

from typing import List, Optional, Sequence, Tuple

Sizes = Sequence[Optional[int]]


def pooled(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    pad_type: str,
    pad: Sequence[int],
    ceil_mode: bool = False,
) -> Tuple[int, ...]:
    """`windows` of sizes that are all known."""
    found = windows(sizes, kernel, strides, pad_type, pad, ceil_mode=ceil_mode)
    return tuple(size or 0 for size in found)


def windows(
    sizes: Sizes,
    kernel: Sequence[int],
    strides: Sequence[int],
    pad_type: str,
    pad: Sequence[int],
    dilations: Sequence[int] = (),
    ceil_mode: bool = False,
) -> List[Optional[int]]:
    """Windows along each axis; `pad` is before and after of each, for the pad_type `custom`.

    Raises:
        ValueError: an unknown pad_type, a stride below 1, or lists that are too short.
    """
    if pad_type not in ("valid", "same", "same_lower", "custom"):
        raise ValueError(f"`pad_type` is `{pad_type}`")
    axes = len(sizes)
    if min(strides) < 1 or min(len(kernel), len(strides), len(dilations or kernel)) < axes:
        raise ValueError("`strides`, the window or `dilations` do not fit")
    if pad_type == "custom" and len(pad) != 2 * axes:
        raise ValueError(f"`pad` has {len(pad)} numbers")
    found: List[Optional[int]] = []
    for axis, size in enumerate(sizes):
        if size is None:
            found.append(None)
            continue
        stride = strides[axis]
        if pad_type in ("same", "same_lower"):
            found.append(-(-size // stride))
            continue
        width = (kernel[axis] - 1) * (dilations[axis] if dilations else 1) + 1
        around = (pad[2 * axis], pad[2 * axis + 1]) if pad_type == "custom" else (0, 0)
        room = size + sum(around) - width
        count = room // stride + 1
        if ceil_mode:
            count = -(-room // stride) + 1
            # No window may begin in the padding behind the input.
            if sum(around) and (count - 1) * stride >= size + sum(around) / 2:
                count -= 1
        found.append(max(count, 0))
    return found
