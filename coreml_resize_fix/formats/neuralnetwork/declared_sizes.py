"""Collect the sizes that the descriptions of a file declare for blobs."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from coreml_resize_fix.formats.model import Claim
from coreml_resize_fix.formats.neuralnetwork.layers import ModelRef
from coreml_resize_fix.formats.neuralnetwork.pipelines import declared_size


def find(models: Sequence[ModelRef]) -> List[Claim]:
    """Every declared size of a blob that a network of the file makes."""
    found: List[Claim] = []
    makers: Dict[str, str] = {}  # feature → prefix of the network that makes it
    for model in models:
        if model.is_network or model.is_program:
            description = model.message.description
            found += _claims(description.input, makers, model.maker)
            makers.update((feature.name, model.maker) for feature in description.output)
            found += _claims(description.output, makers)
    for model in models:
        if not (model.is_network or model.is_program):
            found += _claims(model.message.description.output, makers)
    return found


def _claims(
    features: Sequence[Any], makers: Mapping[str, str], reader: Optional[str] = None
) -> List[Claim]:
    return [
        Claim(
            makers[feature.name],
            feature.name,
            declared_size(feature),
            feature.type.WhichOneof("Type") == "imageType",
            reader,
        )
        for feature in features
        if feature.name in makers and declared_size(feature)
    ]
