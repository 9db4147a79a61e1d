"""Find every resize node of an ONNX model, with the values of its sizes and its shapes."""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.intents.onnx.file import Proto, bodies, graphs, is_standard
from coreml_resize_fix.intents.onnx.fold import Shape, attribute, fold, tensor_value
from coreml_resize_fix.intents.onnx.infer import Infer

Numbers = Optional[List[Any]]

# (operator, from this opset on) -> where the factors are, and the sizes (None: nowhere).
# Upsample 7 has its factors in an attribute.
_PLACES: Tuple[Tuple[str, int, int, Optional[int]], ...] = (
    ("Resize", 11, 2, 3),
    ("Resize", 10, 1, None),
    ("Upsample", 7, 1, None),
)


# Resizes in a row whose sizes are computed from one another; no real network has more.
_MOST_ROUNDS = 100

# No image has a larger dimension; ONNX could not hold much more.
_LARGEST = 1 << 31

# Height and width; a resize of images keeps batch and channels.
_IMAGE_AXES = 2


class ResizeNode(NamedTuple):
    """A resize node of a graph, the shapes of its input and output, its `scales` and its `sizes`.

    `scales` and `sizes` are None if absent, and hold None for unknown elements; `runtime` is the
    name of the one that is given but not known for height and width, else empty.
    """

    node: Proto
    graph: Proto
    input_shape: Optional[Shape]
    output_shape: Optional[Shape]
    scales: Numbers
    sizes: Numbers
    runtime: str = ""

    @property
    def label(self) -> str:
        """The name of the node in messages."""
        return self.node.name or (self.node.output[0] if self.node.output else "?")


def find(model: Proto, version: int, infer: Infer) -> List[ResizeNode]:
    """All resize nodes in the order of the file, those of bodies of If and Loop at their node.

    `infer` adds shapes to a model (`infer.inference`). A size may be computed from the output of
    another resize, so inference is repeated, with the output shapes that were found declared,
    until no resize has more of its shape known.
    """
    for graph in graphs(model.graph):
        for tensor in graph.initializer:  # onnx before 1.8 knows those only that are inputs, too
            _declare(graph, tensor.name, tuple(tensor.dims), tensor.data_type)
    declared: Dict[str, int] = {}
    found: List[ResizeNode] = []
    for _ in range(_MOST_ROUNDS):
        model = infer(model)
        found = list(_walk(model.graph, version, {}, {}))
        fresh = [resize for resize in found if _knows_more(resize, declared)]
        if not fresh:
            break
        for resize in fresh:
            _declare(resize.graph, resize.node.output[0], made_shape(resize))
    return found


def made_shape(resize: ResizeNode) -> Shape:
    """The output shape of a resize as far as its sizes or factors determine it, or ()."""
    before, sizes, scales = resize.input_shape, resize.sizes, resize.scales
    made: Sequence[Any] = ()
    if before is None:
        made = sizes or ()
    elif sizes is not None and len(sizes) == len(before):
        made = [sizes[i] or (before[i] if i < _IMAGE_AXES else None) for i in range(len(before))]
    elif scales is not None and len(scales) == len(before):
        with np.errstate(over="ignore"):
            made = [n and f and np.float32(n) * np.float32(f) for n, f in zip(before, scales)]
    return tuple(int(n) if n and 1 <= n <= _LARGEST else None for n in made)


def _knows_more(resize: ResizeNode, declared: Dict[str, int]) -> bool:
    """Whether the resize determines more of its output shape than is declared or inferred."""
    made, known = made_shape(resize), resize.output_shape or ()
    if not resize.node.output or None in made[_IMAGE_AXES:]:
        return False
    name, count = resize.node.output[0], sum(n is not None for n in made)
    if count <= max(declared.get(name, 0), sum(n is not None for n in known)):
        return False
    declared[name] = count
    return True


def _declare(graph: Proto, name: str, shape: Shape, kind: int = 1) -> None:
    """Declare a shape that inference cannot find, since it depends on folded values."""
    values = (*graph.input, *graph.value_info, *graph.output)
    infos = [info for info in values if info.name == name]
    for info in infos or [graph.value_info.add(name=name)]:
        tensor = info.type.tensor_type
        tensor.elem_type = tensor.elem_type or kind
        tensor.shape.ClearField("dim")
        for n in shape:
            tensor.shape.dim.add(**({} if n is None else {"dim_value": n}))


def _walk(
    graph: Proto, version: int, values: Dict[str, np.ndarray], shapes: Dict[str, Shape]
) -> Iterator[ResizeNode]:
    """The resize nodes of a graph; ONNX requires nodes to be in order of execution.

    `values` and `shapes` have what is known of the tensors of enclosing graphs.
    """
    values, shapes = dict(values), dict(shapes)  # a body sees enclosing values
    for tensor in graph.initializer:
        shapes[tensor.name] = tuple(tensor.dims)
        value = tensor_value(tensor)
        if value is not None:
            values[tensor.name] = value
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.type.tensor_type.HasField("shape"):
            shapes[info.name] = _dimensions(info.type.tensor_type.shape)
    for node in graph.node:
        for body in bodies(node):
            yield from _walk(body, version, values, shapes)
        places = _inputs_of_size(node, version)
        if places is not None:
            yield _resize(node, graph, places, values, shapes)
        value = fold(node, values, shapes)
        if value is not None and node.output:
            values[node.output[0]] = value


def _dimensions(shape: Proto) -> Shape:
    sizes = (dim.dim_value if dim.HasField("dim_value") else 0 for dim in shape.dim)
    return tuple(n if n > 0 else None for n in sizes)


def _inputs_of_size(node: Proto, version: int) -> Optional[Tuple[int, Optional[int]]]:
    """Which inputs of a resize node are its scales and its sizes; None for any other node."""
    if is_standard(node) and node.input:
        for operator, since, scales, sizes in _PLACES:
            if node.op_type == operator and version >= since:
                return scales, sizes
    return None


def _resize(
    node: Proto,
    graph: Proto,
    places: Tuple[int, Optional[int]],
    values: Dict[str, np.ndarray],
    shapes: Dict[str, Shape],
) -> ResizeNode:
    names = [
        node.input[place] if place is not None and place < len(node.input) else ""
        for place in places
    ]
    scales, sizes = (_numbers(values.get(name)) for name in names)
    listed = attribute(node, "scales", []) if node.op_type == "Upsample" else []
    # An empty tensor is the same as a missing input.
    given = [bool(name) and not (name in values and not values[name].size) for name in names]
    unknown = [
        word
        for word, is_given, found in zip(("scales", "sizes"), given, (scales, sizes))
        if is_given and (found is None or None in found[-_IMAGE_AXES:])
    ]
    return ResizeNode(
        node=node,
        graph=graph,
        input_shape=shapes.get(node.input[0]),
        output_shape=shapes.get(node.output[0]) if node.output else None,
        scales=scales or listed or None,
        sizes=sizes or None,
        runtime="".join(unknown[-1:]),
    )


def _numbers(value: Optional[np.ndarray]) -> Numbers:
    """The elements as Python numbers; 0 for infinity and NaN."""
    if value is None or value.ndim != 1:
        return None
    return [n if n is None else n.item() if np.isfinite(n) else 0 for n in value]
