"""What is to be replaced: the two axes that are asked for, and the layer they stand in for."""

import math
from dataclasses import dataclass, replace
from typing import FrozenSet, List, Optional, Tuple

from coreml_resize_fix.sampling import AxisSpec

__all__ = ["Axes", "Context"]

Axes = Tuple[AxisSpec, AxisSpec]  # along height, along width

# What holds at each of these input sizes, in pixels, is taken to hold at any: every kernel here
# reaches a few pixels, and the maps repeat.
PROBES = tuple(range(1, 34)) + (48, 64, 70)


@dataclass(frozen=True)
class Context:
    """One resize layer and what its intent asks for.

    rows, columns: the intent along H and W, at the default size if the input is flexible.
    name, input, output: of the layer; its output blob keeps its name, and so does the layer.
    channels: C of the blob; None if not known.
    rank: number of dimensions of the blob, None if not known. 5 in a network of RANK5 mapping,
        whose blobs are [S, B, C, H, W].
    exact_mapping: the network maps its inputs to their exact rank, so layers of iOS 13 may be used.
    sequence: S, the size of the first of five dimensions; None if not known.
    factors: what N / X is along H and W, if the input is flexible: N = floor(X * factor).
    others: the axes at more sizes of a flexible input, which a replacement must compute too.
    enumerated: the default and the others are all sizes that the input takes; any other is
        possible unless this is said.
    float16: the network stores its weights in half precision.
    taken_names, taken_blobs: names of layers and of blobs that exist already.
    """

    rows: AxisSpec
    columns: AxisSpec
    name: str
    input: str
    output: str
    channels: Optional[int] = None
    rank: Optional[int] = 5
    exact_mapping: bool = False
    sequence: Optional[int] = 1
    factors: Optional[Tuple[float, float]] = None
    others: Tuple[Axes, ...] = ()
    enumerated: bool = False
    float16: bool = False
    taken_names: FrozenSet[str] = frozenset()
    taken_blobs: FrozenSet[str] = frozenset()

    @property
    def is_flexible(self) -> bool:
        """Whether the replacement has to follow the size of its input."""
        return self.factors is not None

    @property
    def planes(self) -> int:
        """How often the arithmetic of one channel is done; batches are left out."""
        return self.channels or 1

    def samples(self) -> Tuple[List[AxisSpec], List[AxisSpec]]:
        """The axes to be computed along H and along W, at every size that stands for all."""
        if self.factors is None:
            return [self.rows], [self.columns]
        sizes = () if self.enumerated else PROBES
        rows, columns = (
            [default]
            + [pair[axis] for pair in self.others]
            + [_resized(default, size, factor) for size in sizes if math.floor(size * factor)]
            for axis, (default, factor) in enumerate(zip((self.rows, self.columns), self.factors))
        )
        return rows, columns


def _resized(default: AxisSpec, size: int, factor: float) -> AxisSpec:
    return replace(default, input_size=size, output_size=math.floor(size * factor))
