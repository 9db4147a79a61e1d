"""Check the sizes of features that pass from one model of a pipeline to the next."""

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.formats.descriptions import declared_size
from coreml_resize_fix.formats.neuralnetwork.layers import ModelRef
from coreml_resize_fix.formats.shapes import Conflict, Known, ModelShapes, Shape
from coreml_resize_fix.words import size_text


def conflicts(models: Sequence[ModelRef], shapes: Mapping[str, ModelShapes]) -> List[Conflict]:
    """Conflicts of inputs in a pipeline that get another size than they declare."""
    made: Dict[str, Shape] = {}
    found: List[Conflict] = []
    for model in models:
        if not (model.is_network or model.is_program):
            continue
        own = shapes[model.maker]
        for feature in model.message.description.input:
            if feature.name not in made or feature.name in own.flexible_inputs:
                continue
            declared = declared_size(feature)
            gets = _last(made[feature.name], len(declared)) if declared else None
            if declared and gets is not None and gets != declared:
                found.append(
                    Conflict(
                        model.prefix.rstrip("/"),
                        feature.name,
                        "input",
                        f"the input is declared as {size_text(declared)} and gets "
                        f"{size_text(gets)}",
                    )
                )
        made.update(own.outputs)
    return found


def _last(shape: Shape, rank: int) -> Optional[Tuple[int, ...]]:
    return shape.dims[-rank:] if isinstance(shape, Known) and len(shape.dims) >= rank else None
