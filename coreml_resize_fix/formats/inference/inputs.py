"""Declared input shapes, and the concrete input sizes at which a network is evaluated.

A flexible input is sampled at: the declared default, its lower bounds, its upper bounds, an odd
size in between, and the first and the last size that is as often even as the default (a network
that halves and doubles fits at those alone); or at each enumerated size. An axis without upper
bound is sampled at 4 and at 8 times its default instead of at its end: what differs between these
two is unbounded as well. Several flexible inputs are sampled together, and each alone with the
others at their default.
"""

from itertools import islice
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference.call import MAX_RANK, MAX_SIZE, Blob, show
from coreml_resize_fix.formats.shapes import Dims, Range, Size

MAX_SAMPLES = 128  # as many sizes as Core ML lets an input enumerate
_CHANNELS = {10: 1, 20: 3, 30: 3, 40: 1}  # ImageFeatureType.ColorSpace: gray, RGB, BGR, gray16
_MOST_HALVINGS = 64  # largest power of two that networks divide sizes by
_NO_BOUND = 2**31 - 1  # converters write INT_MAX where they mean "no bound"


class Samples(NamedTuple):
    """The shapes of all inputs together at each evaluation; the first is the declared default.

    `doubled`: the last two evaluations differ only in the axes without upper bound. `listed`: these
    are all the shapes that there are.
    """

    shapes: Tuple[Dict[str, Blob], ...]
    flexible: Tuple[str, ...]
    doubled: bool
    listed: bool = False
    varied: Tuple["Varied", ...] = ()


class Varied(NamedTuple):
    """An input of flexible height or width, the two axes of its blob from `place` on.

    Either every shape is `listed`, or each axis has a range; other axes stay at their default.
    """

    name: str
    default: Dims
    listed: Tuple[Blob, ...]
    rows: Range
    columns: Range
    place: int

    @property
    def size(self) -> Size:
        """(height, width) of the declared default."""
        return self.size_of(self.default)

    def size_of(self, dims: Dims) -> Size:
        height, width = dims[self.place : self.place + 2]
        return height or 1, width or 1

    def at(self, size: Size) -> Blob:
        return Blob(self.default[: self.place] + size + self.default[self.place + 2 :])

    def allows(self, size: Size) -> bool:
        if self.listed:
            return any(blob.dims == self.at(size).dims for blob in self.listed)
        limits = self.rows, self.columns
        return all(low <= n and (high is None or n <= high) for n, (low, high) in zip(size, limits))


class _Input(NamedTuple):
    blobs: List[Blob]
    flexible: bool = False
    unbounded: bool = False
    listed: bool = False
    ranges: Tuple[Range, ...] = ()  # of the last axes; () for an input that enumerates its shapes


def samples(features: Iterable[Any], exact: bool, rank4: bool) -> Samples:
    """All evaluations of a network, from the descriptions of its inputs.

    `exact`: arrays have the rank that they declare, not 5. `rank4`: images have rank 4, not 5.
    """
    inputs: Dict[str, _Input] = {}
    for feature in features:
        kind = feature.type.WhichOneof("Type")
        if kind == "multiArrayType":
            inputs[feature.name] = _array(feature.name, feature.type.multiArrayType, exact)
        elif kind == "imageType":
            inputs[feature.name] = _image(feature.name, feature.type.imageType, rank4)
        else:
            reason = f"input `{feature.name}` is neither an array nor an image"
            inputs[feature.name] = _Input([Blob(None, reason)])
    unbounded = any(item.unbounded for item in inputs.values())
    # The two samples of unbounded axes stand last, when every other sample has had its turn.
    extra = 2 if unbounded else 0
    lengths = [len(item.blobs) + (0 if item.unbounded else extra) for item in inputs.values()]
    count = max(lengths or [1])
    shapes = [
        {name: _pick(item, index, count) for name, item in inputs.items()} for index in range(count)
    ]
    flexible = tuple(name for name, item in inputs.items() if item.flexible)
    if len(flexible) > 1:
        alone = (
            dict(shapes[0], **{name: blob}) for name in flexible for blob in inputs[name].blobs
        )
        shapes[1:1] = [some for some in islice(alone, MAX_SAMPLES) if some not in shapes]
    listed = len(flexible) == 1 and inputs[flexible[0]].listed
    found = (_varied(name, inputs[name]) for name in flexible)
    varied = tuple(item for item in found if item is not None)
    return Samples(tuple(shapes), flexible, unbounded, listed, varied)


def _varied(name: str, item: _Input) -> Optional[Varied]:
    """The varying height or width of a flexible input; None if neither varies."""
    default = item.blobs[0].dims
    if default is None or None in default or len(default) < 2:
        return None
    if not item.ranges:
        shapes = [blob.dims for blob in item.blobs]
        if any(dims is None or None in dims or len(dims) != len(default) for dims in shapes):
            return None
        varying = [len(set(sizes)) > 1 for sizes in zip(*(dims[::-1] for dims in shapes if dims))]
        limits: Tuple[Range, Range] = ((1, None), (1, None))
    else:
        varying = [low != high for low, high in reversed(item.ranges)]
    last = _width_axis(varying)
    if not any(varying[last : last + 2]) or len(varying) < last + 2:
        return None
    if item.ranges:
        limits = (item.ranges[-last - 2], item.ranges[-last - 1])
    listed = () if item.ranges else tuple(item.blobs)
    return Varied(name, default, listed, *limits, len(default) - last - 2)


def _width_axis(varying: Sequence[bool]) -> int:
    """Which axis from the end is the width, of which it is known which ones vary.

    Height and width are the last two, but where the last one is fixed and the third from the end
    varies: there the channels are last, as in what coremltools converts from TensorFlow.
    """
    return 1 if len(varying) > 2 and varying[2] and not varying[0] else 0


def _pick(item: _Input, index: int, count: int) -> Blob:
    """One input's shape at one evaluation; short lists repeat their last sample."""
    if not item.unbounded:
        return item.blobs[min(index, len(item.blobs) - 1)]
    if index >= count - 2:
        return item.blobs[index - count]
    return item.blobs[min(index, len(item.blobs) - 3)]


def _array(name: str, array: Any, exact: bool) -> _Input:
    declared = tuple(int(size) for size in array.shape)
    flexibility = array.WhichOneof("ShapeFlexibility") if hasattr(array, "shapeRange") else None
    if flexibility == "enumeratedShapes":
        choices = [
            tuple(int(size) for size in item.shape) for item in array.enumeratedShapes.shapes
        ]
        return _enumerated([_ranked(name, dims, exact) for dims in [declared] + choices if dims])
    if flexibility == "shapeRange" and len(array.shapeRange.sizeRanges):
        ranges = [_range(item) for item in array.shapeRange.sizeRanges]
        if len(declared) != len(ranges):
            # RANK5 networks may give ranges for [S, B, C, H, W] beside a declared [C, H, W].
            if exact or len(ranges) != 5 or len(declared) != 3:
                declared = tuple(low for low, _ in ranges)
            else:
                declared = (1, 1) + declared
        found = _ranged(declared, ranges)
        return found._replace(blobs=[_ranked(name, _dims(blob), exact) for blob in found.blobs])
    return _Input([_ranked(name, declared, exact)])


def _image(name: str, image: Any, rank4: bool) -> _Input:
    channels = _CHANNELS.get(image.colorSpace)
    reason = "" if channels else f"image input `{name}` has no colour space"
    lead: Dims = (1, channels) if rank4 else (1, 1, channels)
    declared = int(image.height), int(image.width)
    flexibility = image.WhichOneof("SizeFlexibility") if hasattr(image, "imageSizeRange") else None
    if flexibility == "enumeratedSizes":
        sizes = [(int(item.height), int(item.width)) for item in image.enumeratedSizes.sizes]
        found = _enumerated([Blob(size) for size in [declared] + sizes])
    elif flexibility == "imageSizeRange":
        limits = image.imageSizeRange
        found = _ranged(declared, [_range(limits.heightRange), _range(limits.widthRange)])
    else:
        found = _Input([Blob(declared)])
    return found._replace(
        blobs=[_with_valid_sizes(name, lead + _dims(blob), reason) for blob in found.blobs]
    )


def _dims(blob: Blob) -> Dims:
    return blob.dims or ()


def _ranked(name: str, declared: Dims, exact: bool) -> Blob:
    """The rank of the blob: as declared, or 5 in networks with RANK5 mapping."""
    if not declared:
        return Blob(None, f"input `{name}` declares no shape")
    if len(declared) > MAX_RANK:
        return Blob(None, f"input `{name}` has rank {len(declared)}")
    if exact or len(declared) == 5:
        return _with_valid_sizes(name, declared)
    if len(declared) == 3:
        return _with_valid_sizes(name, (1, 1) + declared)
    if len(declared) == 1:
        return _with_valid_sizes(name, (1, 1) + declared + (1, 1))
    return Blob(None, f"input `{name}` of shape {show(declared)} has no rank 5 form")


def _with_valid_sizes(name: str, dims: Dims, reason: str = "") -> Blob:
    """The shape with impossible sizes as unknown."""
    usable = tuple(size if size is not None and 1 <= size <= MAX_SIZE else None for size in dims)
    if usable != dims:
        reason = reason or f"input `{name}` declares a size of {show(dims)}"
    return Blob(usable, reason if None in usable else "")


def _range(limits: Any) -> Range:
    low, high = max(1, int(limits.lowerBound)), int(limits.upperBound)
    if high < 0 or high >= _NO_BOUND:
        return low, None
    return low, max(low, high)


def _enumerated(blobs: Sequence[Blob]) -> _Input:
    unique = list(dict.fromkeys(blobs))
    if not unique:
        return _Input([Blob(None, "an input enumerates no shape")])
    step = max(1, -(-len(unique) // MAX_SAMPLES))
    taken = unique[::step] + (unique[-1:] if step > 1 else [])
    return _Input(taken, len(unique) > 1, listed=step == 1)


def _ranged(declared: Dims, ranges: Sequence[Range]) -> _Input:
    """Samples of one input between the bounds of its axes."""
    default = [
        max(size or low, low) if high is None else min(max(size or low, low), high)
        for size, (low, high) in zip(declared, ranges)
    ]
    if all(low == high for low, high in ranges):
        return _Input([Blob(tuple(default))])

    def sample(times: int) -> Blob:
        return Blob(tuple(
            max(size * times, low) if high is None else high
            for size, (low, high) in zip(default, ranges)
        ))  # fmt: skip

    lower = Blob(tuple(low for low, _ in ranges))
    odd = Blob(tuple(_odd(size, limits) for size, limits in zip(default, ranges)))
    even = [_as_even(size, limits) for size, limits in zip(default, ranges)]
    fitting = [Blob(tuple(sizes[end] for sizes in even)) for end in (0, 1)]
    blobs = list(dict.fromkeys([Blob(tuple(default)), lower, odd, *fitting]))
    unbounded = any(high is None for _, high in ranges)
    if unbounded:
        # Both start above the lower bound, so that doubling is seen on every unbounded axis.
        default = [max(size, low) for size, (low, _) in zip(default, ranges)]
        return _Input(blobs + [sample(4), sample(8)], True, True, ranges=tuple(ranges))
    return _Input(list(dict.fromkeys(blobs + [sample(1)])), True, ranges=tuple(ranges))


def _as_even(default: int, limits: Range) -> Tuple[int, int]:
    """First and last size of a range that can be halved as often as the default."""
    low, high = limits
    step = min(default & -default, _MOST_HALVINGS) or 1
    first = -(-low // step) * step
    last = default if high is None else high // step * step
    return (first, last) if low <= first <= last else (default, default)


def _odd(default: int, limits: Range) -> int:
    """An odd size between the bounds if there is one; it shows what works by chance only."""
    low, high = limits
    if high is None:
        return max(2 * default + 1, low)
    if low == high:
        return low
    middle = (low + high) // 2
    return middle if middle % 2 else min(middle + 1, high)
