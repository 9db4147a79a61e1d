"""Find where a file contradicts the shapes of its networks: joins, declared outputs, pipelines.

All shapes are those at the declared default size of the inputs.
"""

from typing import Dict, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from coreml_resize_fix.formats.model import DeclaredSize
from coreml_resize_fix.formats.shapes import Dims, Flexible, ModelShapes, Shape
from coreml_resize_fix.words import size_text

_LEAST_RANK = 3  # a [C, H, W] is the end of a blob of any rank; fewer dimensions prove nothing


class Spot(NamedTuple):
    """The place where shapes do not fit: the address of a layer, or an output of a network."""

    prefix: str
    address: str
    described: Optional[DeclaredSize] = None


def find(
    declared_sizes: Sequence[DeclaredSize], shapes: Mapping[str, ModelShapes]
) -> Dict[Spot, str]:
    """Places where networks contradict themselves or a description, each with a clause."""
    found: Dict[Spot, str] = {}
    for prefix, own in shapes.items():
        for conflict in own.conflicts:
            if conflict.at_default and conflict.address in own.layers:
                spot = Spot(prefix, conflict.address)
                found[spot] = f"{conflict.message} (`{conflict.layer}`, `{conflict.address}`)"
    for described in declared_sizes:
        spot = Spot(described.prefix, "", described)
        (given,) = shapes_at(spot, shapes)
        reader = None if described.reader is None else shapes[described.reader]
        if reader is not None and described.name in reader.flexible_inputs:
            continue
        if given is not None and _differ(described, given):
            feature = "output" if reader is None else "input"
            count = len(described.declared)
            found[spot] = (
                f"the {feature} `{described.name}` is declared as {size_text(described.declared)} "
                f"and gets {size_text(given[-count:])}"
            )
    return found


def broadcasts(shapes: Mapping[str, ModelShapes]) -> Set[Spot]:
    """Places where a size of 1 meets a larger size and is broadcast."""
    found = set()
    for prefix, own in shapes.items():
        for address, layer in own.layers.items():
            inputs = [default_dims(shape) or () for shape in layer.inputs]
            for sizes in ({dims[-axis] for dims in inputs if len(dims) >= axis} for axis in (1, 2)):
                if 1 in sizes and len(sizes - {None}) > 1:
                    found.add(Spot(prefix, address))
    return found


def shapes_at(spot: Spot, shapes: Mapping[str, ModelShapes]) -> Tuple[Optional[Dims], ...]:
    """The shapes of all blobs at a place, at the default size of the inputs."""
    own = shapes[spot.prefix]
    if spot.described is not None:
        return (default_dims(own.outputs.get(spot.described.name)),)
    layer = own.layers[spot.address]
    return tuple(default_dims(shape) for shape in layer.inputs + layer.outputs)


def default_dims(shape: Optional[Shape]) -> Optional[Dims]:
    """The known dimensions at the default size of the inputs; None if nothing is known."""
    if isinstance(shape, Flexible):
        return shape.default or None
    return None if shape is None else shape.dims


def _differ(described: DeclaredSize, given: Dims) -> bool:
    declared = described.declared
    comparable = described.is_image or min(len(declared), len(given)) >= _LEAST_RANK
    if not comparable and len(declared) != len(given):
        return False
    pairs = zip(reversed(declared), reversed(given))
    return any(
        size is not None and declared_size > 0 and declared_size != size
        for declared_size, size in pairs
    )
