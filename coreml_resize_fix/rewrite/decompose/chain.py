"""From steps to layer messages: names, inputs and outputs."""

from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from coreml_resize_fix.coreml import schema
from coreml_resize_fix.coreml.composite import part_name
from coreml_resize_fix.rewrite.decompose import steps
from coreml_resize_fix.rewrite.decompose.context import Context
from coreml_resize_fix.rewrite.decompose.steps import Step

__all__ = ["Steps", "assemble", "lifted"]

Steps = Tuple[Step, ...]


def lifted(context: Context, least_rank: int, inner: Steps) -> Optional[Steps]:
    """Steps that need a rank, between a layer that adds dimensions in front and one that removes
    them, if the blob has too few; None if nothing can be said or done about the rank."""
    if context.rank is None:
        return None
    if context.rank >= least_rank:
        return inner
    axes = range(least_rank - context.rank)
    return (steps.expand(axes),) + inner + (steps.squeeze(axes),)


def assemble(context: Context, chain: Steps) -> List[Any]:
    """The NeuralNetworkLayer messages of a chain, in order of execution.

    The last layer has the name and the output blob of the one that is replaced. The others have a
    name of their own, made of it, which is also the name of their blob.
    """
    taken = context.taken_names | context.taken_blobs
    taken |= {context.name, context.input, context.output}
    layers: List[Any] = []
    constants: Dict[Step, str] = {}  # two steps may read the same one
    blob = context.input
    for place, step in enumerate(chain):
        inputs = [blob]
        if step.constant is not None:
            if step.constant not in constants:
                constant = _fresh(context.name, step.constant.kind, taken)
                taken |= {constant}
                layers.append(_message(context, step.constant, constant, [], constant))
                constants[step.constant] = constant
            constant = constants[step.constant]
            inputs = [constant, blob] if step.constant_first else [blob, constant]
        if place == len(chain) - 1:
            layers.append(_message(context, step, context.name, inputs, context.output))
        else:
            blob = _fresh(context.name, step.kind, taken)
            taken |= {blob}
            layers.append(_message(context, step, blob, inputs, blob))
    return layers


def _fresh(name: str, kind: str, taken: FrozenSet[str]) -> str:
    wanted, number = part_name(name, kind), 1
    while wanted in taken:
        number += 1
        wanted = part_name(name, kind, number)
    return wanted


def _message(context: Context, step: Step, name: str, inputs: List[str], output: str) -> Any:
    layer = schema.layer_class()(name=name, input=inputs, output=[output])
    params = getattr(layer, step.kind)
    params.SetInParent()
    step.fill(params, context.float16)
    return layer
