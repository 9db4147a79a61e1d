"""Find inputs of a network on which no output depends."""

from typing import Any, Iterator, List, Sequence, Tuple

from coreml_resize_fix.formats.network import unreached
from coreml_resize_fix.formats.neuralnetwork.layers import ModelRef

# (blobs that are read, blobs that depend on them)
_Step = Tuple[Sequence[str], Sequence[str]]


def find(model: ModelRef) -> List[str]:
    """Names of the inputs of a network on which none of its outputs depends.

    There are none if the outputs cannot be found.
    """
    inputs = [feature.name for feature in model.message.description.input]
    steps = list(_steps(model.network.layers))
    made = {blob for _, blobs in steps for blob in blobs}
    outputs = [name for name in _outputs(model) if name in made or name in inputs]
    return unreached(inputs, outputs, steps) if outputs else []


def _outputs(model: ModelRef) -> List[str]:
    names = [feature.name for feature in model.message.description.output]
    if model.kind != "neuralNetwork" and model.network.layers:
        # A classifier or a regressor returns the output of its last layer or a named blob.
        names += model.network.layers[-1].output
        names.append(getattr(model.network, "labelProbabilityLayerName", ""))
    return names


def _steps(layers: Sequence[Any]) -> Iterator[_Step]:
    for layer in layers:
        yield layer.input, layer.output
        kind = layer.WhichOneof("layer")
        if kind == "branch":
            bodies = [layer.branch.ifBranch, layer.branch.elseBranch]
            decides = list(layer.input)
        elif kind == "loop":
            bodies = [layer.loop.conditionNetwork, layer.loop.bodyNetwork]
            decides = [*layer.input, layer.loop.conditionVar]
        else:
            continue
        inside = [step for body in bodies for step in _steps(body.layers)]
        yield from inside
        # The blobs that a body writes depend on whether and how often it runs.
        yield decides, [blob for _, made in inside for blob in made] + list(layer.output)
