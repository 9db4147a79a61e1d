"""Find the output size of resizes that compute it at run time, at each size of the inputs."""

from dataclasses import replace
from typing import Tuple

from coreml_resize_fix.formats import other_tensors
from coreml_resize_fix.formats.mlprogram.inventory import Unjudged
from coreml_resize_fix.formats.mlprogram.network import Resize
from coreml_resize_fix.formats.mlprogram.resize_to_shape import ResizeToShape
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Known, ModelShapes, Size


def params(resize: Resize, as_it_is: ModelShapes, here: ModelShapes) -> ResizeOp:
    """The parameters of a resize, with the size that it computes as far as that is known.

    `as_it_is` and `here` are the shapes of its function, as the file is and as they are assumed.
    """
    given = resize.params
    assert given is not None, "several operations have no parameters of their own"
    if not isinstance(given, ResizeToShape) or not given.computes_size:
        return given
    layer = as_it_is.layers.get(resize.address)
    size = next(iter(layer.outputs), None) if layer is not None else None
    if isinstance(size, Known) and len(size.dims) >= given.resized_dims and not as_it_is.varies:
        return replace(given, shape=size.dims[-given.resized_dims :])
    found = made(here, resize.address)
    if found:
        return replace(given, made=found)
    shown = tuple((key, value) for key, value in given.as_dict().items() if value is not None)
    return Unjudged(given.kind, shown, "its size is computed at run time")


def made(shapes: ModelShapes, address: str) -> Tuple[Tuple[Size, Size], ...]:
    """The (input, output) sizes of a resize at every evaluation at which both are known."""
    known = shapes.layers.get(address)
    if known is None or not known.inputs or not known.outputs:
        return ()
    count = len(shapes.runs)
    ends = (other_tensors.sizes_at(one[0], count) for one in (known.inputs, known.outputs))
    return tuple(dict.fromkeys((got, size) for got, size in zip(*ends) if got and size))
