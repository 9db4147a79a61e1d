"""How far the outputs of a network agree with a reference, as values."""

from typing import NamedTuple, Optional, Tuple

from coreml_resize_fix.short_repr import short_repr

NUMPY, COREML = RUNTIMES = "numpy", "coreml"


class ComparedOutput(NamedTuple):
    """The largest errors of one output, None where it is not a finite one or was not computed.

    `intended` is the error that is left if every resize makes what PyTorch made, None where that
    was not computed. `magnitude` is the reference's largest, `within` whether the error of the
    result, or else of the file as it is, is within the tolerance.
    """

    name: str
    before: Optional[float]
    after: Optional[float]
    magnitude: float
    within: bool
    intended: Optional[float] = None


class Drift(NamedTuple):
    """The first blob that is not as the reference has it; no error where it has another shape."""

    address: str
    name: str
    max_abs_error: Optional[float]


class Stopped(NamedTuple):
    """A layer or an operation that could not be computed, and why."""

    address: str
    name: str
    reason: str


class Effect(NamedTuple):
    """What one resize does to one output: its largest error, and pixels whose class changes.

    None where the network does not run with it, or where the output has no classes.
    """

    output: str
    max_abs_error: Optional[float]
    changed_pixels: Optional[int]
    pixels: Optional[int]


class Contribution(NamedTuple):
    """A resize that is wrong in the file as it is, alone in a network that is right otherwise."""

    address: str
    name: str
    outputs: Tuple[Effect, ...]


class Agreement(NamedTuple):
    """What running the network said.

    `first_drift` and `not_run` are of the result, or of the file as it is if nothing was written.
    `contributions` are those of at most `MOST_RESIZES` resizes. `message` says what it means.
    """

    runtime: str
    tolerance: float
    outputs: Tuple[ComparedOutput, ...]
    first_drift: Optional[Drift] = None
    not_run: Optional[Stopped] = None
    contributions: Tuple[Contribution, ...] = ()
    message: str = ""

    def __repr__(self) -> str:
        return short_repr(self)

    @property
    def holds(self) -> bool:
        """Whether everything was computed, and is as the reference has it."""
        return self.not_run is None and all(one.within for one in self.outputs)
