"""Try sizes of resize layers, and keep those that leave no contradiction in the file."""

from itertools import product
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from coreml_resize_fix.auditing import contradictions
from coreml_resize_fix.auditing.contradictions import Spot
from coreml_resize_fix.formats.model import DeclaredSize, Model
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import ModelShapes, Overrides, PartialSize, Size

Sizes = Dict[str, PartialSize]  # by address; (None, None) is a size that is not known

UNDECIDED: PartialSize = (None, None)
# Layers times inferences: a few seconds. Only files that contradict themselves need any.
_MOST_STEPS = 300 * 1000
_STEPS_OF_EACH = 10  # what an inference costs beside its layers
_MOST_PAIRS = 400


class TooManyError(Exception):
    """There are too many sizes to try in reasonable time."""


class SizeTrials:
    """A model whose `free` layers, by address, may make other sizes than their factors give.

    `given` has the sizes assumed for the other resize layers.
    """

    def __init__(
        self,
        model: Model,
        declared_sizes: Sequence[DeclaredSize],
        free: Mapping[str, ResizeLayer],
        given: Overrides,
    ) -> None:
        self.free = free
        self._model, self._declared_sizes, self._given = model, declared_sizes, given
        self._steps = 0
        self._elsewhere: Optional[Set[Spot]] = None

    def shapes(self, sizes: Sizes) -> Dict[str, ModelShapes]:
        """Shapes with these sizes; a free layer without one keeps what its factor gives.

        Raises:
            TooManyError: too many inferences were needed.
        """
        if self._steps > _MOST_STEPS:
            raise TooManyError
        found = self._model.shapes({**self._given, **sizes})
        self._steps += _STEPS_OF_EACH + sum(len(own.layers) for own in found.values())
        return found

    def contradictions(self, shapes: Mapping[str, ModelShapes]) -> Dict[Spot, str]:
        """Contradictions between these shapes that free layers can remove, in order."""
        found = contradictions.find(self._declared_sizes, shapes)
        if not found:  # as in most files: none of them is looked for elsewhere
            return found
        if self._elsewhere is None:
            undecided = self.shapes(dict.fromkeys(self.free, UNDECIDED))
            # Contradictions that no size of these layers can remove.
            self._elsewhere = set(contradictions.find(self._declared_sizes, undecided))
        return {spot: what for spot, what in found.items() if spot not in self._elsewhere}

    def input_size(self, address: str, shapes: Mapping[str, ModelShapes]) -> PartialSize:
        """(height, width) that a free layer gets at the default size of the file's inputs."""
        for own in shapes.values():
            if address in own.layers:
                dims = (
                    contradictions.default_dims(next(iter(own.layers[address].inputs), None)) or ()
                )
                return (dims[-2], dims[-1]) if len(dims) >= 2 else UNDECIDED
        return UNDECIDED

    def deciding(self, spot: Spot, sizes: Sizes) -> List[str]:
        """Free layers without a size in `sizes` on which the shapes at a spot depend."""
        known = contradictions.shapes_at(spot, self.shapes(sizes))
        found = []
        for address in self.free:
            if address not in sizes:
                without = contradictions.shapes_at(spot, self.shapes({**sizes, address: UNDECIDED}))
                if any(_is_lost(*pair) for pair in zip(known, without)):
                    found.append(address)
        return found

    def fitting(self, layers: Sequence[str], sizes: Sizes) -> List[Tuple[Size, ...]]:
        """Every choice of one size for each layer that leaves no contradiction.

        Layers behind them may make any size that their factors allow.

        Raises:
            TooManyError: there are too many to try.
        """
        # The other free layers come later, so their contradictions do not count yet.
        around = {**dict.fromkeys(self.free, UNDECIDED), **sizes}
        alone = self.shapes(around)
        behind = [
            address
            for address in self.free
            if address not in sizes
            and address not in layers
            and None in self.input_size(address, alone)
        ]
        usual, along = contradictions.broadcasts(alone), []
        for axis in (0, 1):
            found = list(self._choices(axis, layers, around, ()))
            if len(found) > 1 and behind:
                found = [
                    choice
                    for choice in found
                    if self._can_continue(
                        axis, behind, {**around, **_sizes_along(axis, layers, choice)}
                    )
                ] or found
            # An add broadcasts a single pixel to any size, which is hardly intended.
            alike = [
                choice
                for choice in found
                if contradictions.broadcasts(
                    self.shapes({**around, **_sizes_along(axis, layers, choice)})
                )
                <= usual
            ]
            along.append(alike or found)
        if len(along[0]) * len(along[1]) > _MOST_PAIRS:
            raise TooManyError
        pairs = [tuple(zip(rows, columns)) for rows, columns in product(*along)]
        return [pair for pair in pairs if self._fits({**around, **dict(zip(layers, pair))})]

    def _fits(self, sizes: Sizes) -> bool:
        return not self.contradictions(self.shapes(sizes))

    def _choices(
        self, axis: int, layers: Sequence[str], sizes: Sizes, chosen: Tuple[int, ...]
    ) -> Iterator[Tuple[int, ...]]:
        """Along one axis, a size for each layer, in order of execution."""
        if len(chosen) == len(layers):
            yield chosen
            return
        undecided = dict.fromkeys(layers, UNDECIDED)
        taken = {**sizes, **undecided, **_sizes_along(axis, layers, chosen)}
        address = layers[len(chosen)]
        candidates = self._candidates(axis, address, taken)
        if candidates is None:
            raise TooManyError
        for size in candidates:
            more = chosen + (size,)
            if self._fits({**taken, **_sizes_along(axis, layers, more)}):
                yield from self._choices(axis, layers, sizes, more)

    def _can_continue(self, axis: int, behind: Sequence[str], sizes: Sizes) -> bool:
        """Whether the layers behind can still make sizes that fit."""
        if not behind:
            return True
        address = behind[0]
        candidates = self._candidates(axis, address, sizes)
        if candidates is None:
            return self._can_continue(axis, behind[1:], sizes)
        for size in candidates:
            taken = {**sizes, **_sizes_along(axis, [address], (size,))}
            if self._fits(taken) and self._can_continue(axis, behind[1:], taken):
                return True
        return False

    def _candidates(self, axis: int, address: str, sizes: Sizes) -> Optional[Sequence[int]]:
        before = self.input_size(address, self.shapes(sizes))[axis]
        return self.free[address].params.cut_from(axis, before)


def _sizes_along(axis: int, layers: Sequence[str], chosen: Sequence[int]) -> Sizes:
    return {
        address: (size, None) if axis == 0 else (None, size)
        for address, size in zip(layers, chosen)
    }


def _is_lost(known: Optional[Tuple[Optional[int], ...]], without: object) -> bool:
    """Whether a dimension that was known is not known in the second shape."""
    if known is None or not isinstance(without, tuple) or len(without) != len(known):
        return known is not None and known != without
    return any(one is not None and two is None for one, two in zip(known, without))
