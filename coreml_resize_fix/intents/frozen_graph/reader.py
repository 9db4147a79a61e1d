"""A frozen graph of TensorFlow as a manifest: the intents of its resizes (docs/tensorflow.md)."""

from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

from coreml_resize_fix.intents.frozen_graph import file
from coreml_resize_fix.intents.frozen_graph.attributes import constant, declared_shape, flags_of
from coreml_resize_fix.intents.frozen_graph.file import FILE, Proto, node_of, text
from coreml_resize_fix.intents.frozen_graph.rearranged import Given
from coreml_resize_fix.intents.frozen_graph.shapes import inferred
from coreml_resize_fix.intents.node_notices import NodeIntents, Remarks, left_out
from coreml_resize_fix.intents.tensorflow.nodes import Network, Node, Tensor, read_network
from coreml_resize_fix.intents.tensorflow.ops import may_resize

# Nodes of functions with their inputs and attributes, each time that they are called.
MOST_CALLED = 1000000
_LONG = 64  # bytes of the name of a call, below which one node counts as one
_DEEPEST = 64  # calls of functions in one another, and branches of one node

_NOT_CALLED = left_out("in a function that the graph does not call")
# attributes that hold functions, in order of execution; all others come behind them
_ORDER = {b"then_branch": 0, b"else_branch": 1, b"cond": 2, b"body": 3}
# operator -> which of its inputs is the first argument of the functions that it calls; those of a
# loop change from round to round, so nothing is known of them
_ARGUMENTS = {"PartitionedCall": 0, "StatefulPartitionedCall": 0, "If": 1, "StatelessIf": 1}
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


class EndlessError(Exception):
    """Functions call themselves, or too many others."""


def load(path: str) -> NodeIntents:
    """Read the intents of a graph.

    Raises:
        ManifestError: it cannot be read, or is not a graph.
    """
    graph = file.read(path)
    try:
        return of(graph)
    except EndlessError as error:
        raise FILE.refusal(path, str(error)) from error


def of(graph: Proto) -> NodeIntents:
    """The intents of a graph that `file.read` gave.

    Raises:
        EndlessError: its functions call too much.
    """
    walk, remarks = _Walk(graph), Remarks()
    found = read_network(walk, remarks)
    for name, function in walk.functions.items():
        for node in function.node_def if name not in walk.called else ():
            if may_resize(text(node.op)):
                remarks.add(_NOT_CALLED, text(node.name))
    return NodeIntents(found.intents, remarks.notices())


def in_order(nodes: Sequence[Proto]) -> List[Proto]:
    """Nodes in the order of the file, except that each stands behind those whose outputs it reads.

    A loop is cut at the node by which the search came back to it.
    """
    by_name = {node.name: node for node in nodes}
    order: List[Proto] = []
    seen = set()
    for first in nodes:
        stack = [(first, False)]
        while stack:
            node, is_behind = stack.pop()
            if is_behind:
                order.append(node)
            elif node.name not in seen:
                seen.add(node.name)
                stack.append((node, True))
                read = (by_name.get(node_of(key)) for key in reversed(node.input))
                stack += [(one, False) for one in read if one is not None]
    return order


class _Walk(Network):
    """A frozen graph as a network: its nodes, and those of the functions that it calls.

    A tensor's key is its node's name below the calls that lead there, and `:k` for output k.
    """

    def __init__(self, graph: Proto) -> None:
        super().__init__()
        self._graph = graph
        self.functions = {one.signature.name: one for one in graph.library.function}
        self.called: Set[bytes] = set()
        self._same: Dict[bytes, bytes] = {}  # key of a tensor -> of the one that it is
        self._left = MOST_CALLED

    def nodes(self) -> Iterator[Node]:
        """Nodes in order of execution, those of a function where it is called."""
        return self._body(self._graph.node, b"", ())

    def _key(self, scope: bytes, name: bytes) -> bytes:
        """The key of an input: `node`, `node:1`, or `node:output:1` as functions have it."""
        node, _, rest = name.partition(b":")
        number = rest.rpartition(b":")[2]
        key = scope + node + (b":" + number if number not in (b"", b"0") else b"")
        return self._same.get(key, key)

    def _body(
        self, nodes: Sequence[Proto], scope: bytes, callers: Tuple[bytes, ...]
    ) -> Iterator[Node]:
        for message in in_order(nodes):
            key = scope + message.name
            inputs = [self._key(scope, name) for name in message.input if name[:1] != b"^"]
            attributes = {attribute.key: attribute.value for attribute in message.attr}
            kind, name = text(message.op), text(key)
            self._same.pop(key, None)  # of another function in the same place
            yield from self._calls(message, attributes, key, inputs, callers)
            if kind == "Identity" and inputs:
                self._same[key] = inputs[0]
            node = Node(kind, name, inputs, (key,), flags_of(kind, attributes))
            self.tensors[key] = self._known(node, attributes)
            yield node

    def _calls(
        self,
        message: Proto,
        attributes: Dict[bytes, Proto],
        key: bytes,
        inputs: Sequence[bytes],
        callers: Tuple[bytes, ...],
    ) -> Iterator[Node]:
        kind = text(message.op)
        for name in _called(message.op, attributes, self.functions):
            function = self.functions.get(name)
            if function is None:
                continue
            inner = key + b"/"
            parts = sum(1 + len(node.input) + len(node.attr) for node in function.node_def)
            parts += len(function.ret) + len(function.signature.output_arg) + 1
            self._left -= parts * (1 + len(inner) // _LONG)
            if name in callers or len(callers) > _DEEPEST or self._left < 0:
                raise EndlessError("its functions call themselves, or too many others")
            self.called.add(name)
            is_call = kind in _CALLS or message.op == name
            first = 0 if is_call else _ARGUMENTS.get(kind)
            if first is not None:
                for argument, given in zip(function.signature.input_arg, inputs[first:]):
                    self._same[inner + argument.name] = given
            yield from self._body(function.node_def, inner, (*callers, name))
            returned = {pair.key: pair.value for pair in function.ret} if is_call else {}
            for place, output in enumerate(function.signature.output_arg):
                if output.name in returned:
                    made = self._key(inner, returned[output.name])
                    self._same[key + (b":%d" % place if place else b"")] = made

    def _known(self, node: Node, attributes: Dict[bytes, Proto]) -> Tensor:
        """What the attributes of a node, or the shapes of its inputs, say of its first output."""
        if b"value" in attributes and node.kind == "Const":
            return constant(attributes[b"value"].tensor)
        shape = declared_shape(node.kind, attributes)
        if shape is None:
            given = [_given(self.tensor(key)) for key in node.inputs]
            shape = inferred(node.kind, given, node.flags)
        return Tensor(shape)


def _given(tensor: Tensor) -> Given:
    return Given(tensor.shape, tensor.table if tensor.value is None else tensor.value.elements)


def _called(operator: bytes, attributes: Dict[bytes, Proto], known: Any) -> List[bytes]:
    """Names of the functions that a node calls, in order of execution."""
    names = [operator] if operator in known else []
    for key in sorted(attributes, key=lambda key: _ORDER.get(key, len(_ORDER))):
        value = attributes[key]
        names += [one.name for one in (value.func, *value.list.func[:_DEEPEST]) if one.name]
    return names
