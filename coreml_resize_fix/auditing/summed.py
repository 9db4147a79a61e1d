"""Calls that operations compute as weighted sums of gathered pixels, axis by axis."""

from dataclasses import replace
from typing import Dict, Iterable, Sequence, Set, Tuple

from coreml_resize_fix.auditing.comparison import comparable
from coreml_resize_fix.auditing.evidence import may_equal
from coreml_resize_fix.formats.model import Summed, Sums
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.sampling import AxisSpec, difference
from coreml_resize_fix.sampling.kernels import taps

_CUBIC_TAPS = 4  # with antialias there are more
_TOLERANCE = 1e-5  # of weights: converters compute with factors in single precision


def is_made_of_sums(intent: Intent, summed: Sequence[Summed]) -> bool:
    """Whether some blob of weighted sums has the pixels and weights of this call.

    Where the weights are not known, a bicubic call is recognized by what it reads, if that tells it
    from the same call with the other `align_corners`.
    """
    before = intent.input_size
    after = intent.target_size(before)
    if before is None or after is None or not comparable(before, after):
        return False
    fitting = [
        found
        for found in summed
        if (found.input_size, found.size) == (before, after)
        and may_equal(intent.channels, found.channels)
    ]
    other = replace(intent, align_corners=not intent.align_corners)
    return any(_is_made(intent, one) and not _may_be(intent, other, one) for one in fitting)


def _is_made(intent: Intent, found: Summed) -> bool:
    axes = intent.axes(found.input_size, found.size)
    return all(map(_computes, (intent, intent), axes, (found.rows, found.columns)))


def _may_be(intent: Intent, other: Intent, found: Summed) -> bool:
    """Whether a map may as well be that of another call, as not all of its numbers are known."""
    if all(None not in (sums.indices, sums.weights) for sums in (found.rows, found.columns)):
        return False
    axes = (call.axes(found.input_size, found.size) for call in (intent, other))
    return _is_made(other, found) and not all(difference(*pair).equal for pair in zip(*axes))


def _computes(intent: Intent, axis: AxisSpec, sums: Sums) -> bool:
    is_whole = sums.indices is not None and sums.weights is not None
    if not is_whole and not _has_the_taps(intent, sums):
        return False
    if sums.indices is None:
        return True
    if len(sums.indices) != axis.output_size:
        return False
    for place, (asked, read) in enumerate(zip(map(_pixels, taps(axis)), sums.indices)):
        if sums.weights is None:
            # With align_corners the first point is 0, however the others are rounded.
            if place == 0 and intent.align_corners and not intent.antialias:
                asked = dict.fromkeys(range(min(_CUBIC_TAPS - 1, axis.input_size)), 1.0)
            if not _reads(asked, set(read), intent.antialias):
                return False
        elif not _same(asked, _pixels(zip(read, sums.weights[place])), sums):
            return False
    return True


def _has_the_taps(intent: Intent, sums: Sums) -> bool:
    return intent.mode == "bicubic" and bool(intent.antialias) == (sums.taps > _CUBIC_TAPS)


def _pixels(row: Iterable[Tuple[int, float]]) -> Dict[int, float]:
    """The weight of every pixel: a row may name one several times."""
    found: Dict[int, float] = {}
    for index, weight in row:
        found[index] = found.get(index, 0.0) + weight
    return found


def _reads(asked: Dict[int, float], read: Set[int], antialias: bool) -> bool:
    needed = {pixel for pixel, weight in asked.items() if abs(weight) > _TOLERANCE}
    allowed = set(asked)
    if antialias:
        # Rows are filled up with the first pixel, and rounding decides about those at the rim.
        allowed |= {0, min(asked) - 1, max(asked) + 1}
    # Of the others around a pixel that is copied, rounding decides which are read.
    return needed <= read and (len(needed) == 1 or read <= allowed)


def _same(asked: Dict[int, float], found: Dict[int, float], sums: Sums) -> bool:
    # Weights of one pixel add up to less than 2, whatever their signs.
    most = max(_TOLERANCE, 2 * sums.rounding)
    return all(
        abs(asked.get(pixel, 0.0) - found.get(pixel, 0.0)) <= most
        for pixel in set(asked) | set(found)
    )
