"""What a kind of model offers so that a whole network of it runs: steps, and the walk over them.

A format turns its layers or operations into `Step`s; here they run in order, blobs are let go after
their last use, and whoever watches gets the blobs that it asked for.
"""

from typing import (
    Callable,
    Collection,
    Dict,
    List,
    Mapping,
    MutableMapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import numpy as np

from coreml_resize_fix.errors import reason
from coreml_resize_fix.formats.features import Feature
from coreml_resize_fix.progress import ShowProgress, silent
from coreml_resize_fix.verify.kernels.checks import CALL, EACH, LARGEST, KernelError, need_effort

Blobs = MutableMapping[str, np.ndarray]
Made = Sequence[Optional[np.ndarray]]
Replacement = Callable[[np.ndarray], np.ndarray]

# Numbers in all blobs that are alive at once: 4 GiB in float32.
_MOST_ALIVE = 4 * LARGEST
MOST_ROUNDS = 100_000  # of one loop


# What NumPy, the kernels and a file raise where what a file holds makes no sense.
FAULTS = (
    MemoryError, RecursionError, OSError, ValueError, LookupError, ArithmeticError, TypeError,
    AttributeError,
)  # fmt: skip


def fault(error: BaseException) -> str:
    """Why something cannot be computed, of one of FAULTS, as the end of a sentence."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, RecursionError):
        return "is made of itself, or of too many others"
    if isinstance(error, KeyError):
        return f"has {error}, which is not known here"
    if isinstance(error, OSError):
        return f"its weights cannot be read: {reason(error)}"
    return str(error)


def blob_of(blobs: Blobs, name: str) -> np.ndarray:
    """The blob of that name.

    Raises:
        KernelError: there is none.
    """
    if name not in blobs:
        raise KernelError(f"reads `{name}`, which nothing gives")
    return blobs[name]


class NotRunError(Exception):
    """A layer or an operation that cannot be computed: its address, its name, and why."""

    def __init__(self, address: str, name: str, reason: str) -> None:
        super().__init__(reason)
        self.address, self.name, self.reason = address, name, reason


class Step(NamedTuple):
    """A layer or an operation: `compute` gives one array for each name that it makes.

    `reads` begins with the blob that a resize resizes. A step that may leave some of `makes` as
    they are (a branch) gives None for these, and is `partial`.
    """

    address: str
    name: str
    reads: Tuple[str, ...]
    makes: Tuple[str, ...]
    compute: Callable[[Blobs], Made]
    partial: bool = False


class Walk:
    """One run: which blobs to hand out (`kept`), and what to compute in the place of resizes.

    `replaced` are the addresses of those that were reached.
    """

    def __init__(
        self,
        keep: Collection[str] = (),
        replace: Optional[Mapping[str, Replacement]] = None,
        tell: ShowProgress = silent,
    ) -> None:
        self._keep, self._replace, self._tell = frozenset(keep), dict(replace or {}), tell
        self.kept: Dict[str, np.ndarray] = {}
        self.replaced: Set[str] = set()

    def follow(
        self, steps: Sequence[Step], blobs: Blobs, wanted: Collection[str], nested: bool = False
    ) -> None:
        """Add to the blobs what the steps make, as far as the wanted ones depend on it.

        Blobs that nothing needs any more are taken out; those of the outer network stay while the
        steps of a nested one run.

        Raises:
            NotRunError: a step cannot be computed.
        """
        needed = _needed(steps, {*wanted, *self._keep})
        last_uses = {} if nested else _last_uses(needed, wanted)
        for name in self._keep & set(blobs):
            self.kept.setdefault(name, blobs[name])
        for number, step in enumerate(needed):
            for name, array in zip(step.makes, self._compute(step, blobs)):
                if array is not None:
                    blobs[name] = array
                    if name in self._keep:
                        self.kept[name] = array
            for name in last_uses.get(number, ()):
                blobs.pop(name, None)
            if sum(array.size for array in blobs.values()) > _MOST_ALIVE:
                raise NotRunError(step.address, step.name, "the blobs fill the memory allowed")
            if not nested:
                self._tell(number + 1, len(needed), "running", "layer")

    def _compute(self, step: Step, blobs: Blobs) -> Made:
        try:
            read = sum(blobs[name].size for name in step.reads if name in blobs)
            need_effort(CALL + EACH * read)
            with np.errstate(all="ignore"):
                if step.address in self._replace:
                    self.replaced.add(step.address)
                    made: Made = [self._replace[step.address](blob_of(blobs, step.reads[0]))]
                else:
                    made = step.compute(blobs)
            need_effort(EACH * sum(array.size for array in made if array is not None))
            return made
        except FAULTS as error:
            raise NotRunError(step.address, step.name, fault(error)) from error


def _needed(steps: Sequence[Step], wanted: Set[str]) -> List[Step]:
    """The steps that something wanted depends on, in order."""
    always = set(wanted)
    found = []
    for step in reversed(steps):
        if wanted.isdisjoint(step.makes):
            continue
        found.append(step)
        if not step.partial:
            wanted = wanted - (set(step.makes) - always)
        wanted = wanted | set(step.reads)
    return found[::-1]


def _last_uses(steps: Sequence[Step], wanted: Collection[str]) -> Dict[int, List[str]]:
    """The blobs that nothing reads after a step, by its number."""
    last: Dict[str, int] = {}
    for number, step in enumerate(steps):
        for name in (*step.makes, *step.reads):
            last[name] = number
    found: Dict[int, List[str]] = {}
    for name, number in last.items():
        if name not in wanted:
            found.setdefault(number, []).append(name)
    return found


class Execution:
    """A network, a pipeline of some, or a function of a program, ready to run.

    `classes` are the labels of a classifier in the order of its probabilities. Inputs that are
    images are arrays [1, C, H, W] of values of 0 to 255 in the colour order of RGB, or what the
    network gets behind its preprocessing (`prepared`).
    """

    inputs: Sequence[Feature]
    outputs: Sequence[Feature]
    classes: Optional[Sequence[Union[str, int]]] = None
    in_half: bool = False  # whether the network itself is one of float16

    def run(
        self, inputs: Mapping[str, np.ndarray], prepared: Collection[str], walk: Walk
    ) -> Dict[str, np.ndarray]:
        """Every output by its name; probabilities are one array in the order of `classes`.

        Raises:
            NotRunError: something cannot be computed.
        """
        raise NotImplementedError
