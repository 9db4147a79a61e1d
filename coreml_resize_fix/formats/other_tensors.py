"""The tensors whose size a resize may take, at every size of the inputs that was evaluated."""

from dataclasses import dataclass
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.network import Network
from coreml_resize_fix.formats.shapes import (
    Flexible,
    Known,
    ModelShapes,
    Shape,
    Size,
    SizeOf,
    SizePairs,
)

Sizes = Tuple[Optional[Size], ...]  # at each evaluation

_NEAR = 1e-3  # converters write a factor a little above the one that they mean


class Tensor(NamedTuple):
    """A tensor that is there before the resize; its height and width are the last dimensions."""

    name: str
    rank: int
    sizes: Sizes


@dataclass(frozen=True)
class OtherTensors:
    """`own` are the sizes that the resize gets, `made` those that it makes, `inputs` those of the
    first input that varies.

    `runs` tells of each evaluation whether the network has no conflict there. `tensors` are in
    order of execution, the inputs first. `said` are the sources that fit a call whose size is
    another tensor's, one of each kind: more than one leave open which it is.
    """

    own: Sizes
    made: Sizes
    inputs: Sizes
    runs: Tuple[bool, ...]
    tensors: Tuple[Tensor, ...]
    said: Tuple[SizeOf, ...] = ()

    def sizes_of(self, source: SizeOf) -> Sizes:
        """The size that a source says, at each evaluation."""
        tensor = next(one for one in self.tensors if one.name == source.name)
        return tuple(None if size is None else source.of(size) for size in tensor.sizes)

    def sources(self, pairs: SizePairs, factors: Sequence[float]) -> List[SizeOf]:
        """The tensors whose size says every recorded one, the nearest before the resize first.

        They are (height, width) `factors` times the size of a tensor.
        """
        kept = _whole(factors)
        if kept is None:
            return []
        times, parts = kept
        found = (SizeOf(one.name, one.rank, times, parts) for one in reversed(self.tensors))
        return [source for source in found if self.fits(self.sizes_of(source), pairs)]

    def fits(self, said: Sizes, pairs: SizePairs) -> bool:
        """Whether there are sizes of the inputs at which these are the recorded pairs.

        Height and width are taken apart: neither depends on the other in maps.
        """
        seen = [(got, made) for got, made in zip(self.own, said) if got and made]
        return bool(seen) and all(
            any(got[axis] == before[axis] and made[axis] == after[axis] for got, made in seen)
            for before, after in pairs
            for axis in (0, 1)
        )

    def differ(self, one: Sizes, other: Sizes) -> Optional[Size]:
        """The input size of a run at which two sources say different sizes; None if none is."""
        for ran, at, left, right in zip(self.runs, self.inputs, one, other):
            if ran and left and right and left != right:
                return at or (0, 0)
        return None

    def distinct(self, sources: Sequence[SizeOf]) -> Iterator[SizeOf]:
        """The sources that differ somewhere the network runs: of equal ones the first."""
        taken: List[Sizes] = []
        for source in sources:
            sizes = self.sizes_of(source)
            if all(self.differ(sizes, other) is not None for other in taken):
                taken.append(sizes)
                yield source


def _whole(factors: Sequence[float]) -> Optional[Tuple[Size, Size]]:
    """(height, width) factors as whole numbers to multiply with, and to divide by; or None."""
    if not factors or min(factors) <= 0:
        return None
    times, parts = ([max(1, round(n)) for n in numbers]
                    for numbers in (factors, [1 / factor for factor in factors]))  # fmt: skip
    if any(abs(n / k - factor) > _NEAR for n, k, factor in zip(times, parts, factors)):
        return None
    return (times[0], times[1]), (parts[0], parts[1])


def of(network: Network, shapes: ModelShapes, address: str) -> Optional[OtherTensors]:
    """The tensors before the resize at an address; None where its own sizes are not known."""
    layer = shapes.layers.get(address)
    count = len(shapes.runs)
    if layer is None or not layer.inputs or not layer.outputs or not count:
        return None
    tensors = [_tensor(name, shape, count) for name, shape in shapes.inputs.items()]
    places = {node.address: place for place, node in enumerate(network.nodes)}
    for place, node in enumerate(network.nodes[: places[address]]):
        is_visible = address.startswith(node.address.rsplit("[", 1)[0] + "[")
        if is_visible and places[node.address] == place and node.address in shapes.layers:
            made = shapes.layers[node.address].outputs
            tensors += [_tensor(*one, count) for one in zip(node.outputs, made)]
    varied = [shapes.inputs[name] for name in shapes.flexible_inputs if name in shapes.inputs]
    return OtherTensors(
        sizes_at(layer.inputs[0], count),
        sizes_at(layer.outputs[0], count),
        sizes_at(varied[0], count) if varied else (None,) * count,
        shapes.runs,
        tuple(one for one in tensors if one is not None),
    )


def _tensor(name: str, shape: Shape, count: int) -> Optional[Tensor]:
    sizes = sizes_at(shape, count)
    rank = len(shape.dims or ()) if shape is not None else 0
    return Tensor(name, rank, sizes) if any(sizes) else None


def sizes_at(shape: Shape, count: int) -> Sizes:
    """The last two of at least three dimensions, at each evaluation."""
    if isinstance(shape, Known) and len(shape.dims) > 2:
        return (_last_two(shape.dims),) * count
    if isinstance(shape, Flexible) and len(shape.dims) > 2 and len(shape.samples) == count:
        return tuple(_last_two(dims) if dims else None for dims in shape.samples)
    return (None,) * count


def _last_two(dims: Sequence[int]) -> Size:
    return dims[-2], dims[-1]
