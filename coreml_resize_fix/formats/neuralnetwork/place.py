"""The place in a neural network where several layers replace one, and how they are written."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Optional, Sequence

from coreml_resize_fix.replacements.format import Place, Way

if TYPE_CHECKING:
    from coreml_resize_fix.replacements.steps import Step

_EXACT_RANK = 4  # of images that exporters write in networks of exact ranks


def _in_single() -> bool:
    return False


@dataclass(frozen=True)
class LayerPlace(Place):
    """The place of one layer.

    name, input, output: of the layer that is replaced; the last of the new ones keeps its name and
        writes the same blob.
    rank: number of dimensions of the blob, None if not known. 5 in a network of RANK5 mapping,
        whose blobs are [S, B, C, H, W].
    sequence: S, the size of the first of five dimensions; None if not known.
    channels: C of the blob; None if not known.
    exact_mapping: the network maps its inputs to their exact rank, so layers of iOS 13 may be used.
    after_part: the layer before has a name as a part of this one would.
    in_half: finds out whether the network stores its weights in half precision.
    """

    name: str
    input: str
    output: str
    rank: Optional[int]
    sequence: Optional[int]
    channels: Optional[int]
    exact_mapping: bool
    after_part: bool = False
    in_half: Callable[[], bool] = field(default=_in_single, compare=False, repr=False)

    def __getstate__(self) -> Dict[str, Any]:
        """The state without the open file behind `in_half`: reports go to other processes."""
        return dict(self.__dict__, in_half=_in_single)

    @property
    def ends(self) -> FrozenSet[str]:
        """The names that do not change."""
        return frozenset((self.name, self.input, self.output))

    def ways(self, steps: "Sequence[Step]") -> Sequence[Way]:
        """Every way of writing these steps as layers here; empty if there is none."""
        # Imported where steps are made: NumPy costs as much as the rest of a small audit.
        from coreml_resize_fix.formats.neuralnetwork import write_steps

        return write_steps.ways(self, steps)

    def with_exact_ranks(self) -> "LayerPlace":
        """The place in a network of EXACT_ARRAY_MAPPING."""
        return replace(self, exact_mapping=True, rank=_EXACT_RANK)
