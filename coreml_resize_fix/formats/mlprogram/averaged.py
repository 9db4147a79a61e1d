"""Recognize calls of mode `area` that a converter made of several operations.

coremltools writes `area` whose windows do not divide the input as slice_by_index → reduce_mean →
concat → reshape (from 6.3 on). No weights are needed to know them.
"""

from typing import Callable, Dict, Iterator, List, Optional, Tuple

from coreml_resize_fix.formats.mlprogram import scopes
from coreml_resize_fix.formats.mlprogram.program import Argument, Function, Operation, Variable
from coreml_resize_fix.formats.mlprogram.upstream import RANK, Upstream, image_of
from coreml_resize_fix.formats.model import Averaged, Window

_MASKS = ("begin_mask", "end_mask", "squeeze_mask")


def find(function: Function) -> List[Averaged]:
    """Every blob that is assembled from means of windows."""
    every = (
        found
        for operation, scope in scopes.walk(function)
        if operation.kind in _AVERAGES
        for found in _AVERAGES[operation.kind](Upstream(scope), operation)
    )
    return list(dict.fromkeys(every))


def _reshaped(upstream: Upstream, reshape: Operation) -> Iterator[Averaged]:
    concat = upstream.maker(reshape, "x", "concat")
    if concat is not None:
        yield from _joined(upstream, concat, reshape.outputs[0])


def _row(upstream: Upstream, concat: Operation) -> Iterator[Averaged]:
    """A map of one row needs no reshape."""
    yield from _joined(upstream, concat, concat.outputs[0])


def _joined(upstream: Upstream, concat: Operation, result: Variable) -> Iterator[Averaged]:
    """The map that means make, pixel by pixel, where they are joined and become `result`."""
    image, values = image_of(result), concat.inputs.get("values", ())
    if image is None or not upstream.is_one(concat, "axis", -1, RANK - 1):
        return
    parts = [_mean(upstream, one) for one in values]
    whole = [part for part in parts if part is not None]
    if not whole or len(whole) != len(parts) or len({part[:2] for part in whole}) != 1:
        return
    if image[:2] == whole[0][1] and image[2] * image[3] == len(whole):
        yield Averaged(image[1], image[2:], tuple(part[2] for part in whole))


def _single(upstream: Upstream, mean: Operation) -> Iterator[Averaged]:
    """A map of one pixel is the mean of all."""
    name = upstream.source(mean) if _is_mean(upstream, mean) else None
    image = None if name is None else upstream.image(name)
    if image is not None:
        yield Averaged(image[1], (1, 1), ((0, image[2], 0, image[3]),))


_AVERAGES: Dict[str, Callable[[Upstream, Operation], Iterator[Averaged]]] = {
    "reshape": _reshaped,
    "concat": _row,
    "reduce_mean": _single,
}


def _is_mean(upstream: Upstream, mean: Operation) -> bool:
    """Whether it averages over height and width, which stay as axes."""
    axes = upstream.numbers(mean, "axes") or ()
    return upstream.is_one(mean, "keep_dims", 1) and sorted(int(axis) % RANK for axis in axes) == [
        RANK - 2,
        RANK - 1,
    ]


def _mean(upstream: Upstream, argument: Argument) -> Optional[Tuple[str, Tuple[int, int], Window]]:
    """The value, its batch and channels, and the window that the value is the mean of."""
    mean = upstream.made(argument, "reduce_mean")
    if mean is None or not _is_mean(upstream, mean):
        return None
    cut = upstream.maker(mean, "x", "slice_by_index")
    return None if cut is None else _window(upstream, cut)


def _window(upstream: Upstream, cut: Operation) -> Optional[Tuple[str, Tuple[int, int], Window]]:
    name = upstream.source(cut)
    size = None if name is None else upstream.image(name)
    begin, end = upstream.numbers(cut, "begin"), upstream.numbers(cut, "end")
    if name is None or size is None or begin is None or end is None:
        return None
    strides = upstream.numbers(cut, "stride") if cut.inputs.get("stride") else (1,) * RANK
    masked = any(
        cut.inputs.get(mask) and any(upstream.numbers(cut, mask) or (True,)) for mask in _MASKS
    )
    if masked or strides != (1,) * RANK or len(begin) != RANK or len(end) != RANK:
        return None
    if begin[:2] != (0, 0) or end[:2] != size[:2]:
        return None
    window = (int(begin[2]), int(end[2]), int(begin[3]), int(end[3]))
    return name, size[:2], window
