"""Nearest resizes by whole factors that a network makes of repeated pixels.

Keras 3 computes a nearest `UpSampling2D` so, axis after axis: a new axis of one, its pixels
repeated, and both axes as one. Shapes alone tell which axis it is, and how often. By a factor of 1
nothing is repeated, and coremltools leaves that operation out.
"""

from itertools import product
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.model import Network, Node, Summed, Sums
from coreml_resize_fix.formats.shapes import Known, ModelShapes

_EXPAND = ("expand_dims", "expandDims")
_TILE = ("tile",)
_RESHAPE = ("reshape", "reshapeStatic")
_RANK = 4
_PLACES = {1: 3, 2: 1}  # axis of the height → that of the channels

Dims = Tuple[int, ...]


class _Repeat(NamedTuple):
    """The blob `source`, whose pixels along an axis are there several times in a row.

    Where they are there once it may be along one of several `axes`.
    """

    source: str
    before: Dims
    after: Dims
    axes: Tuple[int, ...]


def find(networks: Sequence[Network], shapes: Mapping[str, ModelShapes]) -> List[Summed]:
    """Every map that is made of two such steps, one along the height and one along the width."""
    known = [(one, shapes[one.prefix]) for one in networks if one.prefix in shapes]
    return [found for pair in known for found in _Chains(*pair).maps()]


class _Chains:
    def __init__(self, network: Network, shapes: ModelShapes) -> None:
        self._nodes, self._shapes = network.nodes, shapes
        self._made: Dict[str, Node] = {name: one for one in network.nodes for name in one.outputs}

    def maps(self) -> Iterator[Summed]:
        for node in self._nodes:
            last = self._repeat(node)
            first = self._repeat(self._made.get(last.source)) if last is not None else None
            if first is None or last is None:
                continue
            for axes in product(first.axes, last.axes):
                height = min(axes)
                if abs(axes[0] - axes[1]) == 1 and height in _PLACES:
                    yield _map(first.before, last.after, height)

    def _repeat(self, reshape: Optional[Node]) -> Optional[_Repeat]:
        many = self._maker(reshape, _RESHAPE)
        expand = self._maker(many, _TILE) or many
        if reshape is None or many is None or expand is None or expand.kind not in _EXPAND:
            return None
        before, single = self._through(expand)
        repeated = single if many is expand else self._through(many)[1]
        _, after = self._through(reshape)
        if not len(before) == len(after) == _RANK or len(repeated) != _RANK + 1:
            return None
        axes = tuple(
            axis
            for axis in range(_RANK)
            if single == (*before[: axis + 1], 1, *before[axis + 1 :])
            and repeated == (*before[: axis + 1], repeated[axis + 1], *before[axis + 1 :])
            and after == (*before[:axis], before[axis] * repeated[axis + 1], *before[axis + 1 :])
        )
        return _Repeat(expand.inputs[0], before, after, axes)

    def _maker(self, node: Optional[Node], kinds: Tuple[str, ...]) -> Optional[Node]:
        """What makes the first input of a node of these kinds."""
        if node is None or node.kind not in kinds or not node.inputs:
            return None
        return self._made.get(node.inputs[0])

    def _through(self, node: Node) -> Tuple[Dims, Dims]:
        """The shapes that a node reads and makes; none where it varies."""
        own = self._shapes.layers.get(node.address)
        if own is None or not own.inputs or not own.outputs:
            return (), ()
        read, made = own.inputs[0], own.outputs[0]
        if not isinstance(read, Known) or not isinstance(made, Known):
            return (), ()
        return read.dims, made.dims


def _map(first: Dims, last: Dims, height: int) -> Summed:
    before, after = (dims[height : height + 2] for dims in (first, last))
    rows, columns = (_sums(*pair) for pair in zip(before, after))
    return Summed(
        first[_PLACES[height]], (before[0], before[1]), (after[0], after[1]), rows, columns
    )


def _sums(before: int, after: int) -> Sums:
    rows = tuple((place * before // after,) for place in range(after))
    return Sums(1, rows, ((1.0,),) * after, 0.0)
