"""The resizes of functions with the shapes that they get, as values for the audit."""

from dataclasses import replace
from typing import Optional

from coreml_resize_fix.formats.input_sizes import InputSizes, channels
from coreml_resize_fix.formats.mlprogram import (
    callnames,
    computed_sizes,
    flow,
    natives,
    operation_chains,
    opset,
)
from coreml_resize_fix.formats.mlprogram.chain import OperationChain
from coreml_resize_fix.formats.mlprogram.data_types import LETTERS
from coreml_resize_fix.formats.mlprogram.network import Resize
from coreml_resize_fix.formats.mlprogram.operation_chains import Group
from coreml_resize_fix.formats.mlprogram.place import OperationPlace, dims_of
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.resize_op import ResizeOp
from coreml_resize_fix.formats.shapes import Known, ModelShapes, Shape


def first_output(shapes: ModelShapes, address: str) -> Optional[Shape]:
    """The shape of the first output of an operation; None if nothing is known of it."""
    known = shapes.layers.get(address)
    return next(iter(known.outputs), None) if known is not None else None


def image_shape(resize: Resize, shapes: ModelShapes) -> Optional[Shape]:
    """The shape of the image that a resize reads; None if nothing is known of it."""
    first = resize.operation if resize.group is None else resize.group.operations[0]
    known = shapes.layers.get(first.address)
    if known is None:
        return None
    return dict(zip(flow.read_in_order(first), known.inputs)).get(
        resize.source, next(iter(known.inputs), None)
    )


def chain(resize: Resize, group: Group, shapes: ModelShapes) -> OperationChain:
    """The chain that a group of operations is, where their function has these shapes."""
    read, made = image_shape(resize, shapes), first_output(shapes, resize.address)
    factor = None if isinstance(read, Known) else operation_chains.scale(group.steps)
    after, before = dims_of(made) or (), dims_of(read) or ()
    height, width = after[-2:] if len(after) >= 3 else (None, None)
    size = None if height is None or width is None or factor is not None else (height, width)
    return OperationChain(
        "several operations",
        group.steps,
        size=size,
        factor=factor,
        rank=len(before) or 4,
        channels=before[-3] if len(before) >= 3 else None,
        unread=group.unread,
    )


def place(
    resize: Resize, shape: Optional[Shape], opset_name: str, may_store: bool, in_float32: bool
) -> Optional[OperationPlace]:
    """The place where several operations would replace it; the last two are of `OperationPlace`."""
    made = resize.operation.outputs[0].type if resize.operation.outputs else None
    version = opset.spec_version(opset_name)
    if made is None or version is None or made.data_type not in LETTERS:
        return None  # among others a type that the schema does not name
    return OperationPlace(dims_of(shape), made.data_type, version, may_store, in_float32)


def layer(
    resize: Resize, shapes: ModelShapes, params: ResizeOp, place: Optional[OperationPlace]
) -> ResizeLayer:
    """The ResizeLayer of a resize, where its function has these shapes."""
    shape = image_shape(resize, shapes)
    call = callnames.exported(resize.names[0])
    sizes = InputSizes.of(shape, shapes.varies)
    if params.computes_size and sizes.is_flexible:
        # Of other sizes it is not known what is computed.
        known_at = (before for before, _ in computed_sizes.made(shapes, resize.address))
        sizes = replace(sizes, samples=tuple(dict.fromkeys(known_at)), ranges=())
    return ResizeLayer(
        resize.address,
        resize.names[0],
        tuple(dict.fromkeys([*resize.names[1:], *map(callnames.without_cast, resize.names)])),
        params,
        sizes,
        channels(shape),
        # What converters' validators ask of newer layers concerns neural networks.
        modern=True,
        place=place,
        original_address=resize.original_address,
        call=(call.mode, call.antialias) if call is not None else None,
        find_natives=natives.in_place_of,
    )
