"""What a Keras model is made of, whichever Keras made it; none is imported here."""

import os
import sys
import types
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from coreml_resize_fix.intents import sites

# Packages that have a class of layers: Keras, Keras 2 for today's TensorFlow, and tf.keras before.
_KERAS = ("keras", "tf_keras", "tensorflow.python.keras", "tensorflow_core.python.keras")
_INSIDE = tuple(package + "." for package in _KERAS)
_LAYER = "Layer"
_LIBRARIES = ("tensorflow", "tensorflow.python", "keras", "tf_keras", "torch", "jax")


def is_keras(model: Any) -> bool:
    """Whether a class of Keras is among those that a model is made of."""
    return _layer_class(type(model)) is not None


def _layer_class(kind: type) -> Optional[type]:
    for base in kind.__mro__:
        if base.__name__ == _LAYER and base.__module__.startswith(_INSIDE):
            return base
    return None


def package(model: Any) -> str:
    """The module that has the layers of a model's Keras."""
    name = getattr(_layer_class(type(model)), "__module__", "")
    return next(root for root in _KERAS if name.startswith(root + "."))


def version(model: Any) -> Optional[str]:
    """The version of the Keras that made a model."""
    name = package(model)
    found = getattr(sys.modules.get(name), "__version__", None)
    return found if found is None else str(found)


def is_own(layer: Any) -> bool:
    """Whether a layer is one of Keras, and no class that was derived from one."""
    return type(layer).__module__.startswith(_INSIDE)


def kind(layer: Any) -> str:
    """The name of a layer's class if it is one of Keras, else nothing."""
    return type(layer).__name__ if is_own(layer) else ""


class Tree(NamedTuple):
    """The layers of a model: their paths by identity, and the layers in each."""

    paths: Dict[int, str]
    layers: List[Any]  # kept, so that no identity is used again

    def running(self, frame: Optional[types.FrameType]) -> Any:
        """The innermost layer of the model that is on the stack; None if there is none."""
        while frame is not None:
            found = frame.f_locals.get("self")
            if id(found) in self.paths:
                return found
            frame = frame.f_back
        return None

    def path(self, layer: Any) -> str:
        return self.paths[id(layer)]


def tree(model: Any) -> Tree:
    """All layers of a model; the path of the model itself is empty."""
    found = Tree({id(model): ""}, [model])
    _collect(model, "", found)
    return found


def _collect(layer: Any, path: str, found: Tree) -> None:
    for inner in parts(layer):
        if id(inner) not in found.paths:
            here = f"{path}/{inner.name}" if path else str(inner.name)
            found.paths[id(inner)] = here
            found.layers.append(inner)
            _collect(inner, here, found)


def parts(layer: Any) -> List[Any]:
    """The layers that are directly inside of another."""
    for name in ("operations", "layers"):  # of a model; functional ones have functions, too
        if isinstance(getattr(layer, name, None), list):
            return list(getattr(layer, name))
    flatten = getattr(layer, "_flatten_layers", None)
    if flatten is not None:
        return list(flatten(recursive=False, include_self=False))
    wrapped = getattr(layer, "layer", None)  # of TimeDistributed and the like, in Keras 2.2
    inner = [*getattr(layer, "_layers", ()), *([] if wrapped is None else [wrapped])]
    return [one for one in inner if is_keras(one)]


def site(frame: Optional[types.FrameType]) -> Optional[str]:
    """File and line of the code that made a call, if it was not a layer of Keras."""
    return site_of(sites.lines(frame))


def site_of(stack: Any) -> Optional[str]:
    """The same of files and lines, the innermost first."""
    libraries = list(_folders(_LIBRARIES))
    folders = [
        os.path.join(folder, *inner, "layers")
        for folder in _folders(_KERAS)
        for inner in ([], ["src"])
    ]
    written = ((path, line) for path, line in stack if "__autograph_generated" not in path)
    return sites.site(written, libraries, folders)


def _folders(names: Any) -> Iterator[str]:
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield os.path.dirname(file)
