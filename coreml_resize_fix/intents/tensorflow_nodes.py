"""Intents of TensorFlow's resizes, from a TFLite file or a graph: the nodes in order of execution.

The readers give nodes, by the names of TensorFlow's operators, and what is known of tensors. All
images are NHWC: these operators know no other layout.
"""

import re
from dataclasses import replace
from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from coreml_resize_fix.intents import fields, tensorflow_sizes
from coreml_resize_fix.intents.fields import LARGEST_SIDE
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import NO_SIZE, LeftOut, NodeIntents, Remarks, left_out
from coreml_resize_fix.intents.tensorflow_sizes import Side, Value, quotient

__all__ = ["MODES", "Node", "Tensor", "may_resize", "read"]

_RANK = 4
_SIDES = (1, 2)  # axes of height and width; channels are the last

# operator -> mode
MODES = {
    "ResizeBilinear": "bilinear",
    "ResizeNearestNeighbor": "nearest",
    "ResizeBicubic": "bicubic",
    "ResizeArea": "area",
    "QuantizedResizeBilinear": "bilinear",
}
# kernel of ScaleAndTranslate -> mode, of tf.image.resize with antialias
_KERNELS = {"triangle": "bilinear", "keyscubic": "bicubic"}
_SCALED = "ScaleAndTranslate"
_CLOSE = 1e-6  # of two numbers of single precision
_RESIZES = re.compile(r"resize|upsampl|interpolat|scale_?and_?translate", re.IGNORECASE)

_QUANTIZED = (
    "{nodes} of quantized numbers, read as the calls that they stand for: how the quantized model "
    "rounds is not compared"
)


class Tensor(NamedTuple):
    """What is known of a tensor before anything is computed."""

    shape: Optional[Tuple[Optional[int], ...]] = None
    value: Optional[Value] = None
    is_quantized: bool = False


class Node(NamedTuple):
    """One node: its operator as TensorFlow names it, tensors by any key, and its attributes.

    `used` is False if no output depends on it.
    """

    kind: str
    name: str
    inputs: Sequence[Hashable] = ()
    outputs: Sequence[Hashable] = ()
    flags: Mapping[str, Any] = {}
    used: Optional[bool] = None


def may_resize(name: str) -> bool:
    """Whether an operator, or a node, seems to resize by its name."""
    return bool(_RESIZES.search(name)) and "Grad" not in name


def read(
    nodes: Iterable[Node], tensor: Callable[[Hashable], Tensor], remarks: Remarks
) -> NodeIntents:
    """The intents of nodes in order of execution; `remarks` may have some of the reader's own."""
    intents: List[Intent] = []
    values: Dict[Hashable, Optional[Value]] = {}
    shapes: Dict[Hashable, Any] = {}

    def value(key: Hashable) -> Optional[Value]:
        return values[key] if key in values else tensor(key).value

    def shape(key: Hashable) -> Any:
        return shapes.get(key) or tensor(key).shape

    for node in nodes:
        if node.kind in MODES or node.kind == _SCALED:
            found = _intent(node, shape, value)
            if isinstance(found, LeftOut):
                remarks.add(left_out(found), node.name)
                continue
            if found.input_size is None:
                remarks.add(NO_SIZE, node.name)
            if tensor(node.inputs[0]).is_quantized or node.kind.startswith("Quantized"):
                remarks.add(_QUANTIZED, node.name)
            intents.append(replace(found, index=len(intents)))
            if found.output_size is not None and node.outputs:
                batch = (shape(node.inputs[0]) or (None,))[0]
                shapes[node.outputs[0]] = (batch, *found.output_size, found.channels)
        elif may_resize(node.kind):
            remarks.add(left_out(f"the operator `{node.kind}` is not read"), node.name)
        elif node.outputs:
            made = _value(node, shape, value)
            if made is not None:
                values[node.outputs[0]] = made
    return NodeIntents(intents, remarks.notices())


def _value(node: Node, shape: Any, value: Any) -> Optional[Value]:
    if node.kind == "Shape":
        known = shape(node.inputs[0]) if node.inputs else None
        return tensorflow_sizes.of_shape(node.inputs[0], known or (None,) * _RANK)
    return tensorflow_sizes.fold(node.kind, [value(key) for key in node.inputs], node.flags)


def _intent(node: Node, shape: Any, value: Any) -> Union[Intent, LeftOut]:
    if len(node.inputs) < 2:
        return LeftOut("it has no size")
    image = node.inputs[0]
    before = shape(image) or (None,) * _RANK
    if len(before) != _RANK:
        return LeftOut(f"it resizes a tensor of rank {len(before)}, not an image")
    size, factor = _size(value(node.inputs[1]), image)
    if any(n is not None and not 1 <= n <= LARGEST_SIDE for n in (*size, *factor)):
        return LeftOut(f"its size or factor is beyond 1 to {LARGEST_SIDE}")
    call = _call(node, value, before, size, image)
    if isinstance(call, LeftOut):
        return call
    input_size = _known([before[axis] for axis in _SIDES])
    after = shape(node.outputs[0]) if node.outputs else None
    made = _known(after[1:3]) if after is not None and len(after) == _RANK else None
    intent = replace(
        call,
        name=node.name or None,
        size=_known(size),
        scale_factor=_known(factor),
        recompute_scale_factor=None,
        input_size=input_size,
        output_size=_known(size) or (made if None in factor else None),
        channels=before[-1],
        used=node.used,
    )
    defects: fields.Defects = []
    fields.check_together(vars(intent), "", defects)
    return LeftOut(defects[0][1]) if defects else intent


def _known(pair: Sequence[Any]) -> Any:
    """Both values, or None; a side of 0 or beyond every image is not known."""
    known = all(n is not None and 0 < n <= LARGEST_SIDE for n in pair)
    return tuple(pair) if known and len(pair) == len(_SIDES) else None


def _size(value: Optional[Value], image: Hashable) -> Tuple[Sequence[Any], Sequence[Any]]:
    """Height and width of a size, and their factors of the image's own sides; None if not known."""
    elements = value.elements if value is not None else ()
    if len(elements) != len(_SIDES):
        return (None, None), (None, None)
    own = [
        float(n.factor) if isinstance(n, Side) and n[:2] == (image, axis) and n.power == 1 else None
        for n, axis in zip(elements, _SIDES)
    ]
    return [n if isinstance(n, int) else None for n in elements], own


def _call(
    node: Node, value: Any, before: Sequence[Any], size: Sequence[Any], image: Hashable
) -> Union[Intent, LeftOut]:
    """What a node asks for, without sizes."""
    if node.kind != _SCALED:
        is_centered = bool(node.flags.get("half_pixel_centers"))
        return Intent(
            framework="tensorflow2" if is_centered else "tensorflow1",
            mode=MODES[node.kind],
            align_corners=bool(node.flags.get("align_corners")),
        )
    kernel = node.flags.get("kernel_type", "lanczos3")
    if kernel not in _KERNELS:
        return LeftOut(f"its kernel `{kernel}` is none that is known here")
    if not node.flags.get("antialias", True):
        return LeftOut(f"its kernel `{kernel}` has no antialias, unlike tf.image.resize's")
    if not _is_whole_image(node, value, before, image):
        return LeftOut("its scale or translation is not seen to be that of a whole image")
    return Intent(framework="tensorflow2", mode=_KERNELS[kernel], antialias=True)


def _is_whole_image(node: Node, value: Any, before: Sequence[Any], image: Hashable) -> bool:
    """Whether ScaleAndTranslate maps the whole image: no translation, and scale = size / side."""
    given = [value(key) for key in node.inputs[1:4]]
    if len(given) < 3 or None in given:
        return False
    size, scale, translation = (list(one.elements) for one in given)
    sides = [Side(image, axis) if before[axis] is None else before[axis] for axis in _SIDES]
    wanted = [quotient(made, side) for made, side in zip(size, sides)]
    return (
        translation == [0, 0]
        and len(scale) == len(wanted) == len(_SIDES)
        and all(_is_close(*pair) for pair in zip(scale, wanted))
    )


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, Side) or isinstance(other, Side) or one is None or other is None:
        return one is not None and one == other
    return abs(one - other) <= _CLOSE * abs(other)
