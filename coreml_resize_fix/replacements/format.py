"""What a kind of model answers about steps: how it writes them in a place, and what that costs."""

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from coreml_resize_fix.replacements.steps import Step

__all__ = ["Place", "Purpose", "Way"]


class Purpose(NamedTuple):
    """What written steps are for: they make `size`, or `factor` times the size that they read.

    name: of the replacement. multiply_adds: per image, at the default size.
    """

    name: str
    size: Optional[Tuple[int, int]]
    factor: Optional[Tuple[float, float]]
    multiply_adds: int


class Way:
    """One way of writing steps in a place: so many layers or operations, from a version on.

    name: what to call the replacement where it is written in this way, if not by its own name.
    """

    count: int
    spec_version: int
    name: str = ""

    def write(self, purpose: Purpose) -> Any:
        """The parameters of what is written, as the format has them; `bytes` is their size."""
        raise NotImplementedError


class Place:
    """Where steps would stand in for one resize of a network."""

    def ways(self, steps: "Sequence[Step]") -> Sequence[Way]:
        """Every way in which the format can write these steps here; none if it cannot."""
        raise NotImplementedError

    def since(self, spec_version: int) -> str:
        """The system that first runs models of that version, such as `iOS 13`."""
        raise NotImplementedError

    def with_exact_ranks(self) -> "Place":
        """The place as it would be had the model been converted with exact ranks."""
        return self
