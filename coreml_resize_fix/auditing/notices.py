"""What a user should know of the whole model, beside the verdicts on its layers."""

from typing import List, Sequence

from coreml_resize_fix.auditing import facts
from coreml_resize_fix.auditing.displacement import Displacement, told
from coreml_resize_fix.auditing.findings import MATCH, Finding
from coreml_resize_fix.auditing.layers import FLEXIBLE
from coreml_resize_fix.auditing.messages import size
from coreml_resize_fix.auditing.pairing import comparisons
from coreml_resize_fix.auditing.run import Audit
from coreml_resize_fix.coreml import versions
from coreml_resize_fix.coreml.walk import ModelRef

NOT_CHECKED = (
    "not checked: preprocessing (scale, bias, color order), weights and their precision, compute "
    "units, and every layer that does not resize"
)


def notices(
    models: Sequence[ModelRef],
    audit: Audit,
    moved: Sequence[Displacement],
    spec_version: int,
    asked: bool,
) -> List[str]:
    """Remarks on one file, in the order of their weight."""
    found = list(audit.matching.notices)
    current = int(models[0].message.specificationVersion)
    if spec_version != current:
        found.append(
            "the result has specification version {} instead of {}, so it needs iOS {} instead of "
            "{}".format(
                spec_version,
                current,
                versions.minimum_ios(spec_version),
                versions.minimum_ios(current),
            )
        )
    found += [told(displacement) for displacement in moved]
    for conflict in audit.mended:
        found.append(
            "`{}` (`{}`) cannot run in the file as it is: {}; the fix mends it".format(
                conflict.address, conflict.layer, conflict.message
            )
        )
    for conflict in audit.conflicts_after:
        found.append(
            "`{}` (`{}`) cannot run: {}".format(conflict.address, conflict.layer, conflict.message)
        )
    for address, name, class_name in facts.custom_resizes(models):
        found.append(
            "`{}` (`{}`) is a custom layer `{}`: what it samples is up to its own code".format(
                address, name, class_name
            )
        )
    for finding in audit.findings:
        layer = finding.layer
        if layer.kind == "resizeBilinear" and layer.shape == FLEXIBLE:
            found.append(
                "`{}` makes one size, {}, of every size that this flexible model accepts".format(
                    layer.name, layer.params
                )
            )
        if finding.behind and finding.verdict == MATCH:
            found.append(finding.message)
        found += _read_as_factor(finding) + _of_one_size(finding, audit)
    for model in models:
        if not (model.is_network or "pipeline" in model.kind.lower()):
            where = model.prefix.rstrip("/") or "the model"
            found.append("`{}` is a `{}`, which has no layers".format(where, model.kind))
    if asked and audit.findings:
        found.append(NOT_CHECKED)
    return found


def _of_one_size(finding: Finding, audit: Audit) -> List[str]:
    """That a layer is of one size in a network that is not, as behind a global pooling."""
    layer, intent = finding.layer, finding.intent
    by_factor = intent is None or (intent.size is None and intent.scale_factor is not None)
    varies = any(
        shapes.flexible_inputs and layer.address in shapes.layers
        for shapes in audit.before.values()
    )
    if by_factor or not varies or layer.input_size is None or finding.intended_size is None:
        return []
    return [
        f"`{layer.name}` gets {size(layer.input_size)} of every input that this flexible model "
        f"accepts, and {size(finding.intended_size)} is asked of it: that is right at every size "
        "if the call named the size itself, and at the recorded one alone if it took the size of "
        "another tensor"
    ]


def _read_as_factor(finding: Finding) -> List[str]:
    """That a size stands for the factor that made it, which no size of a varying input says."""
    intent, layer = finding.intent, finding.layer
    read = comparisons(intent, layer)[0] if intent is not None else None
    if intent is None or read is None or intent.size is None or read.scale_factor is None:
        return []
    height, width = read.scale_factor
    return [
        "`{}` was recorded with the size {}×{}, which is read as {:g} and {:g} times its input, as "
        "that varies".format(layer.name, *intent.size, height, width)
    ]
