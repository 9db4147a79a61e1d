"""Every network of a model: pipelines (nested), branch and loop bodies; each layer's address."""

from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.errors import NotAModelError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.skeleton import (
    BRANCH,
    DESCRIPTION_FIELD,
    LOOP,
    Node,
    Skeleton,
)

NETWORK_KINDS = {
    "neuralNetworkRegressor": 303,
    "neuralNetworkClassifier": 403,
    "neuralNetwork": 500,
}
_PIPELINE_OWNERS = {"pipelineClassifier": 200, "pipelineRegressor": 201}
_PIPELINE = 202
ML_PROGRAM = "mlProgram"

# kind of layer → its field number and the bodies it holds, in the order in which they run
BODIES = {
    "branch": (BRANCH, (("ifBranch", 1), ("elseBranch", 2))),
    "loop": (LOOP, (("conditionNetwork", 3), ("bodyNetwork", 4))),
}


class LayerRef(NamedTuple):
    """A layer: `path` is every message that encloses it in the file, outermost first."""

    address: str
    message: Any
    node: Node
    path: Tuple[Node, ...]

    @property
    def kind(self) -> Optional[str]:
        """Name of the layer's type as the schema spells it, or None if the schema has none."""
        kind: Optional[str] = self.message.WhichOneof("layer")
        return kind


class ModelRef(NamedTuple):
    """A model: the file's own, or one inside a pipeline; only networks have `layers`.

    Of an ML Program the content is left out of `message`.
    """

    prefix: str
    kind: str
    message: Any
    node: Node
    path: Tuple[Node, ...]
    layers: Tuple[LayerRef, ...]

    @property
    def network(self) -> Any:
        """The NeuralNetwork, NeuralNetworkClassifier or NeuralNetworkRegressor message."""
        return getattr(self.message, self.kind)

    @property
    def is_network(self) -> bool:
        return self.kind in NETWORK_KINDS

    @property
    def is_program(self) -> bool:
        return self.kind == ML_PROGRAM

    @property
    def maker(self) -> str:
        """The prefix of the network that makes its outputs; of a program, that of its function."""
        if not self.is_program:
            return self.prefix
        return self.prefix + (self.message.description.defaultFunctionName or "main")

    @property
    def output_nodes(self) -> List[Node]:
        """The output descriptions, in the order of `message.description.output`."""
        descriptions = self.node.children.get(DESCRIPTION_FIELD, [])
        return descriptions[0].children.get(10, []) if descriptions else []


def models(skeleton: Skeleton) -> List[ModelRef]:
    """Every model of the file, the outermost first, children in execution order.

    Raises:
        NotAModelError: the message has no model type at all.
        SchemaError: it is an ML Program, and the installed coremltools is older than those.
    """
    return list(_models(skeleton.model, skeleton.root, (), ""))


def _models(message: Any, node: Node, path: Tuple[Node, ...], prefix: str) -> Iterator[ModelRef]:
    kind = message.WhichOneof("Type")
    where = f"`{prefix.rstrip('/')}`" if prefix else "the model"
    if node.is_program:
        schema.mil()
    if kind is None:
        raise NotAModelError(f"{where} has no type that this schema knows")
    inside = path + (node,)
    layers: Tuple[LayerRef, ...] = ()
    if kind in NETWORK_KINDS:
        body = node.only(NETWORK_KINDS[kind])
        layers = tuple(_layers(getattr(message, kind), body, inside + (body,), prefix))
    yield ModelRef(prefix, kind, message, node, path, layers)
    pipeline = _pipeline(message, node, kind)
    if pipeline is None:
        return
    content, nodes = pipeline
    for index, (child, child_node) in enumerate(zip(content.models, nodes[-1].children.get(1, []))):
        child_prefix = f"{prefix}pipeline[{index}]/"
        yield from _models(child, child_node, inside + nodes, child_prefix)


def _pipeline(message: Any, node: Node, kind: str) -> Optional[Tuple[Any, Tuple[Node, ...]]]:
    if kind == "pipeline":
        return message.pipeline, (node.only(_PIPELINE),)
    if kind in _PIPELINE_OWNERS:
        owner = node.only(_PIPELINE_OWNERS[kind])
        if 1 in owner.children:
            return getattr(message, kind).pipeline, (owner, owner.only(1))
    return None


def _layers(network: Any, node: Node, path: Tuple[Node, ...], prefix: str) -> Iterator[LayerRef]:
    for index, (layer, layer_node) in enumerate(zip(network.layers, node.children.get(1, []))):
        address = f"{prefix}layers[{index}]"
        ref = LayerRef(address, layer, layer_node, path)
        yield ref
        if ref.kind not in BODIES:
            continue
        number, bodies = BODIES[ref.kind]
        holder = layer_node.only(number)
        for name, field in bodies:
            if field not in holder.children:
                continue
            body = holder.only(field)
            inside = path + (layer_node, holder, body)
            inner = getattr(getattr(layer, ref.kind), name)
            yield from _layers(inner, body, inside, f"{address}/{name}/")
