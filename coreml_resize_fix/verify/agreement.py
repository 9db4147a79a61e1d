"""How far the outputs of a network agree with a reference, and what wrong resizes do to them."""

from typing import NamedTuple, Optional, Tuple

from coreml_resize_fix.short_repr import short_repr

NUMPY, COREML = RUNTIMES = "numpy", "coreml"


class ComparedOutput(NamedTuple):
    """The largest errors of one output, None where it is not a finite one or was not computed.

    `intended` is the error that is left if every resize makes what PyTorch made, None where that
    was not computed. `magnitude` is the reference's largest, `within` whether the error of the
    result, or else of the file as it is, is within the tolerance. `fault` is why that has none, as
    the end of a sentence.
    """

    name: str
    before: Optional[float]
    after: Optional[float]
    magnitude: float
    within: bool
    intended: Optional[float] = None
    fault: str = ""


class Drift(NamedTuple):
    """The first blob that is not as the reference has it; no error where it has another shape."""

    address: str
    name: str
    max_abs_error: Optional[float]


class NotRun(NamedTuple):
    """A layer or an operation that could not be computed, and why, as the end of a sentence."""

    address: str
    name: str
    reason: str


class Effect(NamedTuple):
    """What resizes do to one output: its largest error, and pixels whose class changes.

    None where it is not computed (`runs` is false then) or has another size, where a number is not
    finite, and where it has no classes. `magnitude` is the largest without them.
    """

    output: str
    max_abs_error: Optional[float]
    changed_pixels: Optional[int]
    pixels: Optional[int]
    magnitude: Optional[float]
    runs: bool


class Contribution(NamedTuple):
    """A resize that is wrong in the file as it is, alone in a network that is right otherwise."""

    address: str
    name: str
    outputs: Tuple[Effect, ...]

    def __repr__(self) -> str:
        return short_repr(self)


class Effects(NamedTuple):
    """What the wrong resizes of the file as it is do to each output, measured.

    Compared with the network whose wrong resizes make what PyTorch makes, as far as that is known:
    all of them together, and each of at most `MOST_RESIZES` alone. Those that were not reached in
    that run are left out. `not_run` is what could not be computed in it: then nothing was measured.
    """

    on_test_image: bool  # else on the inputs of a reference
    together: Tuple[Effect, ...] = ()
    alone: Tuple[Contribution, ...] = ()
    not_run: Optional[NotRun] = None

    def __repr__(self) -> str:
        return short_repr(self)


class Agreement(NamedTuple):
    """What running the network said.

    `first_drift` and `not_run` are of the result, or of the file as it is if nothing was written.
    `message` says what it means.
    """

    runtime: str
    tolerance: float
    outputs: Tuple[ComparedOutput, ...]
    first_drift: Optional[Drift] = None
    not_run: Optional[NotRun] = None
    message: str = ""

    def __repr__(self) -> str:
        return short_repr(self)

    @property
    def holds(self) -> bool:
        """Whether everything was computed, and is as the reference has it."""
        return self.not_run is None and all(one.within for one in self.outputs)
