"""A resize in its place in a network: parameters, sizes, names, and what may replace it."""

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.input_sizes import InputSizes
from coreml_resize_fix.formats.other_tensors import OtherTensors
from coreml_resize_fix.formats.resize_op import ResizeOp
from coreml_resize_fix.formats.shapes import Size, SizePairs
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.replacements.format import Place
from coreml_resize_fix.short_repr import shortened


class Native(NamedTuple):
    """A single layer or operation that may take the place of a resize.

    `build` returns its parameters for pairs of (input size, output size), or None if it cannot make
    them all. `fixed_size`: it makes one size of any input. `nearest`: it copies pixels.
    """

    name: str
    spec_version: int  # from which Core ML has it
    build: Callable[[SizePairs], Optional[ResizeOp]]
    fixed_size: bool = False
    nearest: bool = False
    modern: bool = False  # counts as a layer of iOS 13 and later (see `ResizeLayer.modern`)


FindNatives = Callable[["ResizeLayer", Optional[Intent]], Sequence[Native]]


def no_natives(layer: "ResizeLayer", intent: Optional[Intent]) -> Sequence[Native]:
    """The natives of a layer that is never replaced, such as a pooling: none."""
    return ()


@dataclass(frozen=True)
class ResizeLayer:
    """One resize of a model.

    `params` is what it computes, `input` the sizes of the map that it reads, `blobs` the names of
    what it makes. `original_address` is its address before a fix added layers or operations.
    `modern`: Apple's validator accepts a layer of iOS 13 and later in this place.
    `place` is where the format would write several layers that replace it; None: nowhere.
    `call` is the mode and whether it antialiases, if its name says from which call it comes.
    `others` are the tensors whose size it may have to make, where that was looked for.
    `find_natives` returns the single layers that may take its place.
    """

    address: str
    name: str
    blobs: Tuple[str, ...]
    params: ResizeOp
    input: InputSizes
    channels: Optional[int] = None
    modern: bool = False
    place: Optional[Place] = None
    original_address: str = ""
    call: Optional[Tuple[str, bool]] = None
    others: Optional[OtherTensors] = None
    find_natives: FindNatives = no_natives

    def __repr__(self) -> str:
        return f"ResizeLayer({self.described}: {self.params})"

    def natives(self, intent: Optional[Intent]) -> Sequence[Native]:
        """The single layers or operations that may take its place, in order of preference."""
        return self.find_natives(self, intent)

    @property
    def described(self) -> str:
        """Its name and its address, in a few words."""
        return f"{shortened(self.name)} at {self.address}"

    @property
    def kind(self) -> str:
        return self.params.kind

    @property
    def follows(self) -> bool:
        """Whether its output size follows from that of its input, which does not vary.

        The last of several layers reads what the others made, which has another size, and a size
        that is computed at run time follows other tensors.
        """
        by_itself = not self.params.is_chain and not self.params.computes_size
        return by_itself and not self.input.is_flexible

    @property
    def output_size(self) -> Optional[Size]:
        """The output size; a fixed one is known even if the input size is not."""
        if self.input.size is None:
            return self.params.fixed_size
        made = self.params.output_size(self.input.size)
        is_open = self.params.computes_size or self.params.unjudged
        return None if is_open and 0 in made else made
