"""Intents that mean calls of PyTorch, in a model whose converter says that TensorFlow made it."""

from dataclasses import replace
from typing import List, Sequence

from coreml_resize_fix.auditing.comparison import comparable
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.intents.model import Intent, calls
from coreml_resize_fix.sampling import difference

_TENSORFLOW = ("tensorflow1", "tensorflow2")


def meant_for_pytorch(findings: Sequence[Finding], model: Model) -> List[str]:
    """That intents name PyTorch, where the same call of TensorFlow computes something else.

    A manifest or `--assume` that names no framework means PyTorch.
    """
    if not model.is_of_tensorflow:
        return []
    found = [one for one in findings if one.intent is not None and _differs(one, one.intent)]
    if not found:
        return []
    call = f"`{found[0].intent}` of `{found[0].layer.name}`"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return [
        f"this model was converted from `{model.converted_from}`, and {call}"
        f"{more} is read as PyTorch computes it; in TensorFlow the same words may mean another "
        "grid: say which `framework` it is, `tensorflow1` (tf.compat.v1) or `tensorflow2` "
        "(tf.image.resize, Keras)"
    ]


def _differs(finding: Finding, intent: Intent) -> bool:
    """Whether some TensorFlow computes something else by the same words, where the layer is."""
    if intent.framework != "torch" or not finding.layer.input.samples:
        return False
    before = finding.layer.input.samples[0]
    after = intent.target_size(before) or finding.layer.params.output_size(before)
    if not comparable(before, after):
        return False
    words = (intent.mode, intent.align_corners, intent.antialias)
    others = [
        replace(intent, framework=framework, framework_version=None)
        for framework in _TENSORFLOW
        if words in calls(framework)
    ]
    return any(
        not difference(*axes).equal
        for other in others
        for axes in zip(intent.axes(before, after), other.axes(before, after))
    )
