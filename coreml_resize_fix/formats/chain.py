"""Several layers or operations that together stand in for one resize, in any kind of model."""

from typing import Any, Dict, List, Optional, Tuple

from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Size

_CLOSE = 1e-9  # a quotient may be that little below the whole number that it is


class Chain(ResizeOp):
    """A chain: the base class of what each format writes.

    `name` is that of the replacement, `multiply_adds` is what it computes per image. `factor` is
    (height, width) for parts that follow the size of their input, else `size` is what they make of
    theirs. `channels` are those of the map that the chain reads, None if they are not known, and
    `rank` is that of the blob.
    """

    name: str
    size: Optional[Size]
    factor: Optional[Tuple[float, float]]
    multiply_adds: Optional[int]
    rank: int
    channels: Optional[int]

    kind = "composite"
    is_chain = True

    @property
    def part_kinds(self) -> List[str]:
        """The kind of each layer or operation, in order."""
        raise NotImplementedError

    @property
    def fixed_size(self) -> Optional[Size]:
        return self.size

    @property
    def fractions(self) -> Tuple[float, ...]:
        return self.factor or ()

    def output_size(self, input_size: Size) -> Size:
        if self.factor is None:
            return self.size or input_size
        # Factors are whole numbers, or one over them.
        height, width = (int(n * factor + _CLOSE) for n, factor in zip(input_size, self.factor))
        return height, width

    def as_dict(self) -> Dict[str, Any]:
        """Its name, its parts and its costs, as reports have them."""
        return {
            "name": self.name,
            "layers": self.part_kinds,
            "multiply_adds": self.multiply_adds,
            "bytes": self.bytes,
        }
