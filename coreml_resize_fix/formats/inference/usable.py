"""Find the sizes of a flexible input at which the network runs.

A network that joins a map with its halved and doubled version runs at multiples of some number
only. The sizes of each axis are tried with the other axis at its default, and a rule is derived
from those that ran. The axes may depend on each other (a transposed map, or a flattened one for an
inner product), so the rule is tried at pairs of sizes as well. If it does not hold, the sizes that
ran are listed. The length of the network bounds the number of trials.
"""

from math import gcd
from typing import (
    TYPE_CHECKING,
    Callable,
    Dict,
    FrozenSet,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from coreml_resize_fix.formats.inference.inputs import Samples, Varied
from coreml_resize_fix.formats.inference.trials import Trials
from coreml_resize_fix.formats.shapes import Range, Size, UsableSizes

if TYPE_CHECKING:
    from random import Random

WALKED = 100_000  # layers in all trials of a network together, a second or two
_MOST, _LEAST = 1200, 64  # trials, of a short and of a very long network
LONGEST_LIST = 4096  # sizes
_OPEN_END = 256  # sizes to try of an axis without upper bound
_LONGEST_PERIOD = 128
_LARGEST_STEP = 4096  # no network needs a larger multiple


def _seeded(seed: int) -> "Random":
    """A seeded generator; its import is slow, and only varying inputs need it."""
    from random import Random

    return Random(seed)


class _Law(NamedTuple):
    """Sizes of one axis run whose remainder by `modulus` is one of these."""

    modulus: int
    remainders: FrozenSet[int]

    def holds(self, size: int) -> bool:
        return size % self.modulus in self.remainders


def usable(
    samples: Samples, trials_of: Callable[[Varied], Trials], steps: int
) -> Optional[UsableSizes]:
    """Of the first input at some of whose sizes it does not run, else of the first that varies.

    `trials_of` gives the trials of one input; `steps` are about how many layers one trial walks.
    """
    first: Optional[UsableSizes] = None
    count = max(_LEAST, min(_MOST, WALKED // max(1, steps)))
    for lead in samples.varied:
        trials = trials_of(lead)
        found = _of_list(lead, trials, count) if lead.listed else _of_ranges(lead, trials, count)
        if not found.everywhere:
            return found
        first = first or found
    return first


def _of_list(lead: Varied, trials: Trials, count: int) -> UsableSizes:
    sizes = list(dict.fromkeys(lead.size_of(blob.dims or ()) for blob in lead.listed))
    step = -(-len(sizes) // count)
    taken = [(size[0] or 1, size[1] or 1) for size in sizes[::step]]
    ran = tuple(size for size in taken if trials.run(size))
    everywhere = len(ran) == len(taken)
    return UsableSizes(
        lead.name,
        lead.size,
        everywhere,
        sizes=None if everywhere else ran,
        tried_all=step == 1,
        example=trials.first_conflict,
    )


def _of_ranges(lead: Varied, trials: Trials, count: int) -> UsableSizes:
    limits = lead.rows, lead.columns
    base = next(filter(trials.run, _starts(lead)), None)
    if base is None:
        return UsableSizes(
            lead.name, lead.size, False, None, (), False, False, limits, trials.first_conflict
        )
    each = count // 3
    rows = {n: trials.run((n, base[1])) for n in _candidates(limits[0], base[0], each)}
    columns = {n: trials.run((base[0], n)) for n in _candidates(limits[1], base[1], each)}
    laws = _laws(rows, columns)
    tried_all = all(
        high is not None and len(tried) == high - low + 1
        for (low, high), tried in zip(limits, (rows, columns))
    )

    def predicted(size: Size) -> bool:
        return all(
            tried.get(n, False) if law is None else law.holds(n)
            for n, law, tried in zip(size, laws, (rows, columns))
        )

    wrong = [
        size
        for size in _pairs(limits, base, (rows, columns), count - 2 * each)
        if trials.run(size) != predicted(size)
    ]
    multiple, sizes, everywhere, besides = None, None, False, False
    height, width = laws
    if wrong or height is None or width is None:
        sizes, complete = _list(trials, limits, (rows, columns), not wrong, count)
        tried_all = tried_all and complete
    elif (height.modulus, width.modulus) == (1, 1):
        everywhere = True
    else:
        multiple = height.modulus, width.modulus
        besides = len(height.remainders) > 1 or len(width.remainders) > 1
    return UsableSizes(
        lead.name,
        lead.size,
        everywhere,
        multiple,
        sizes,
        besides,
        tried_all,
        limits,
        trials.first_conflict,
    )


def _starts(lead: Varied) -> Iterator[Size]:
    """Sizes to start from: the default, the ends, and round numbers."""
    yield lead.size
    ends = [_bounded(limits, n) for limits, n in zip((lead.rows, lead.columns), lead.size)]
    for end in (0, 1):
        yield ends[0][end], ends[1][end]
    for step in (64, 32, 16, 8):
        for end in (0, 1):
            size = tuple(
                min(-(-low // step) * step, high) if end == 0 else max(high // step * step, low)
                for low, high in ends
            )
            yield size[0], size[1]


def _bounded(limits: Range, at: int) -> Tuple[int, int]:
    low, high = limits
    return low, max(at, low) + _OPEN_END if high is None else high


def _candidates(limits: Range, at: int, count: int) -> List[int]:
    """All sizes of an axis, or `count` informative ones, near `at` and over the whole range."""
    low, high = _bounded(limits, at)
    if high - low < count:
        return list(range(low, high + 1))
    powers = [at + sign * (1 << k) for k in range(11) for sign in (1, -1)]
    near = [at + sign * k for k in range(1, count) for sign in (1, -1)]
    chance = _seeded(0)
    found = [at, low, high, 2 * at, at // 2, 3 * at // 2, 3 * at] + powers
    found += [chance.randint(low, high) for _ in range(count // 4)] + near
    return [n for n in dict.fromkeys(found) if low <= n <= high][:count]


def _laws(rows: Dict[int, bool], columns: Dict[int, bool]) -> List[Optional[_Law]]:
    laws = [_law(rows), _law(columns)]
    for axis, tried in enumerate((rows, columns)):
        ran = [n for n, runs in tried.items() if runs]
        other = laws[1 - axis]
        if len(ran) != 1 or len(tried) == 1 or other is None or other.modulus == 1:
            continue
        # One size is too little for a rule: the axis takes that of the other one if it fits.
        multiples = [n for n in tried if n % other.modulus == 0]
        laws[axis] = other if multiples == ran else laws[axis]
    return laws


def _law(tried: Dict[int, bool]) -> Optional[_Law]:
    """The smallest number of which exactly the multiples, or some remainders, run."""
    ran = [n for n, runs in tried.items() if runs]
    if len(ran) == len(tried):
        return _Law(1, frozenset([0]))
    common = 0
    for n in ran:
        common = gcd(common, n)
    failed = [n for n, runs in tried.items() if not runs]
    for step in range(2, min(common, _LARGEST_STEP) + 1) if len(ran) > 1 else ():
        if common % step == 0 and all(n % step for n in failed):
            return _Law(step, frozenset([0]))
    for step in range(2, min(_LONGEST_PERIOD, len(tried) // 3) + 1):
        remainders = {n % step for n in ran}
        few = 2 * len(remainders) <= step  # otherwise the rule would exclude most sizes that run
        if few and 0 in remainders and not any(n % step in remainders for n in failed):
            return _Law(step, frozenset(remainders))
    return None


def _pairs(
    limits: Tuple[Range, Range], base: Size, tried: Sequence[Dict[int, bool]], count: int
) -> List[Size]:
    """Pairs of sizes that show whether the axes depend on each other."""
    chance = _seeded(1)
    ends = [_bounded(axis, n) for axis, n in zip(limits, base)]
    found: List[Size] = []
    spread = sorted(tried[0])[:: max(1, len(tried[0]) * 4 // count)] + [base[1], 2 * base[0]]
    for n in spread:
        found += [(n, base[1] + n - base[0])]  # both grow by the same
        found += [(n, n)] if base[0] != base[1] else []
        found += [(n, n * base[1] // base[0])] if n * base[1] % base[0] == 0 else []
        found += [(n, base[0] * base[1] // n)] if base[0] * base[1] % n == 0 else []
    ran = [[n for n, runs in axis.items() if runs] for axis in tried]
    for _ in range(count // 8):
        found.append((chance.choice(ran[0]), chance.choice(ran[1])))
        found.append((chance.choice(list(tried[0])), chance.choice(list(tried[1]))))
    inside = [s for s in found if all(low <= n <= high for n, (low, high) in zip(s, ends))]
    return list(dict.fromkeys(inside))[:count]


def _list(
    trials: Trials,
    limits: Tuple[Range, Range],
    tried: Sequence[Dict[int, bool]],
    independent: bool,
    count: int,
) -> Tuple[Tuple[Size, ...], bool]:
    """The sizes that run if there is no rule, and whether the list is complete."""
    if independent:
        rows, columns = ([n for n, runs in sorted(axis.items()) if runs] for axis in tried)
        if len(rows) * len(columns) <= LONGEST_LIST:
            return tuple((n, m) for n in rows for m in columns), True
        return trials.running[:LONGEST_LIST], False
    (top, bottom), (left, right) = limits
    if bottom is not None and right is not None:
        every = (bottom - top + 1) * (right - left + 1)
        if every <= count:
            for height in range(top, bottom + 1):
                for width in range(left, right + 1):
                    trials.run((height, width))
            return trials.running, True
    return trials.running[:LONGEST_LIST], False
