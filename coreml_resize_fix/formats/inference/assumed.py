"""The shapes of networks under assumed sizes, inferred anew only where an assumption differs."""

from typing import Callable, Dict, Mapping

from coreml_resize_fix.formats.inference.call import image_size
from coreml_resize_fix.formats.shapes import Known, LayerShapes, ModelShapes, Overrides


def assumed_shapes(
    known: Mapping[str, ModelShapes],
    assumed: Overrides,
    infer: Callable[[str], ModelShapes],
) -> Dict[str, ModelShapes]:
    """The shapes of each network, by its prefix or name.

    `known` are those of the file as it is, `infer` walks over a network with the assumptions.
    """
    return {
        name: shapes if _changes_nothing(shapes, assumed) else infer(name)
        for name, shapes in known.items()
    }


def _changes_nothing(known: ModelShapes, assumed: Overrides) -> bool:
    """Whether a walk with these assumptions would find the shapes that are known without any."""
    own = [address for address in assumed if address in known.layers]
    if known.varies:
        return not own
    return all(_makes(known.layers[address], assumed, address) for address in own)


def _makes(layer: LayerShapes, assumed: Overrides, address: str) -> bool:
    read, made = (
        image_size(shapes[0].dims) if shapes and isinstance(shapes[0], Known) else None
        for shapes in (layer.inputs, layer.outputs)
    )
    wanted = assumed[address]
    size = wanted(read) if callable(wanted) else wanted
    return size is None or (made is not None and size == made)
