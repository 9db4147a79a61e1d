"""The layers of a network, read once from the message, and the scopes of their blobs."""

from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from coreml_resize_fix.formats.inference.call import Blob

MAX_DEPTH = 32  # nested bodies; deeper ones are not entered


class Layer(NamedTuple):
    """The parts of a layer message that evaluations need, read once."""

    address: str
    name: str
    kind: str
    params: Any
    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    bodies: Tuple[Tuple["Layer", ...], ...] = ()
    too_deep: bool = False


_BODIES = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}


def read_layers(network: Any, prefix: str, depth: int = 0) -> Tuple[Layer, ...]:
    """The layers of a network message and of its nested bodies, at most MAX_DEPTH deep."""
    layers = []
    for index, message in enumerate(network.layers):
        address = f"{prefix}layers[{index}]"
        kind = message.WhichOneof("layer") or ""
        params = getattr(message, kind) if kind else None
        bodies: List[Tuple[Layer, ...]] = []
        too_deep = kind in _BODIES and depth >= MAX_DEPTH
        for body in () if too_deep else _BODIES.get(kind, ()):
            inside = f"{address}/{body}/"
            bodies.append(read_layers(getattr(params, body), inside, depth + 1))
        layers.append(Layer(
            address, message.name, kind, params, tuple(message.input), tuple(message.output),
            tuple(bodies), too_deep,
        ))  # fmt: skip
    return tuple(layers)


class Scope:
    """The blobs of a network body: its own, and behind them those of the enclosing bodies."""

    def __init__(self, parent: Optional["Scope"] = None) -> None:
        self.blobs: Dict[str, Blob] = {}
        self.parent = parent
        self.forgotten = ""

    def find(self, name: str) -> Optional[Blob]:
        scope: Optional[Scope] = self
        while scope is not None:
            blob = scope.blobs.get(name)
            if blob is not None:
                return blob
            if scope.forgotten:
                return Blob(None, scope.forgotten)
            scope = scope.parent
        return None

    def forget(self, reason: str) -> None:
        """Forget everything: a body that is not entered may have assigned any blob."""
        self.blobs.clear()
        self.forgotten = reason


def assigned(layer: Layer) -> Set[str]:
    """Names of the blobs that the bodies of a layer write."""
    names: Set[str] = set()
    todo = list(layer.bodies)
    while todo:
        for inner in todo.pop():
            names.update(inner.outputs)
            todo.extend(inner.bodies)
    return names
