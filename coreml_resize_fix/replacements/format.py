"""The interface of a format for steps: how it writes them in a place, and at what cost."""

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from coreml_resize_fix.replacements.steps import Step, Steps

# Largest error of rounding to float32 and to float16, as a share of the largest number. Sums of
# float32 numbers are rounded a little more.
SINGLE, HALF = 2.0**-22, 2.0**-11
# What rounding to float16 may change where it has no digits left.
SMALLEST = 2.0**-25


class Computed(NamedTuple):
    """The steps that a file holds, and how far rounding may have moved their weights and points.

    rounding: as a share of the largest weight. box: in pixels. by_weight: each weight was rounded
    by itself, so that `rounding` is a share of it.
    """

    steps: "Steps"
    rounding: float
    box: float
    by_weight: bool = False

    @property
    def in_half(self) -> bool:
        """Whether the weights may have been rounded to float16."""
        return self.rounding == HALF


class Purpose(NamedTuple):
    """The purpose of written steps: they make `size`, or `factor` times their input size.

    name: of the replacement. multiply_adds: per image, at the default size.
    """

    name: str
    size: Optional[Tuple[int, int]]
    factor: Optional[Tuple[float, float]]
    multiply_adds: int


class Way:
    """One way of writing steps in a place: `count` layers or operations, from a version on.

    name: of the replacement if it is written in this way, instead of its own name.
    """

    count: int
    spec_version: int
    name: str = ""

    def write(self, purpose: Purpose) -> Any:
        """The parameters in the form of the format; their `bytes` is the size in the file."""
        raise NotImplementedError


class Place:
    """The place in a network where steps would replace one resize."""

    def ways(self, steps: "Sequence[Step]") -> Sequence[Way]:
        """Every way in which the format can write these steps here; none if it cannot."""
        raise NotImplementedError

    def with_exact_ranks(self) -> "Place":
        """The place as it would be had the model been converted with exact ranks."""
        return self
