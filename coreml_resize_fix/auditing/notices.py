"""What a user should know of the whole model, beside the verdicts on its layers."""

from typing import List, Sequence

from coreml_resize_fix.auditing import facts
from coreml_resize_fix.auditing.displacement import Displacement, told
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.layers import FLEXIBLE
from coreml_resize_fix.auditing.pairing import comparisons
from coreml_resize_fix.auditing.run import Audit
from coreml_resize_fix.coreml import versions
from coreml_resize_fix.coreml.walk import ModelRef
from coreml_resize_fix.sampling.single import exactly

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
        found += _read_as_factor(finding)
    for model in models:
        if not (model.is_network or "pipeline" in model.kind.lower()):
            where = model.prefix.rstrip("/") or "the model"
            found.append("`{}` is a `{}`, which has no layers".format(where, model.kind))
    if asked and audit.findings:
        found.append(NOT_CHECKED)
    return found


def _read_as_factor(finding: Finding) -> List[str]:
    """That a size stands for the factor that made it, which no size of a varying input says."""
    intent, layer = finding.intent, finding.layer
    read = comparisons(intent, layer)[0] if intent is not None else None
    if intent is None or read is None or intent.size is None or read.scale_factor is None:
        return []
    rows, columns = intent.size
    height, width = (exactly(factor) for factor in read.scale_factor)
    return [
        f"`{layer.name}` was recorded with the size {rows}×{columns}, which is read as {height} "
        f"and {width} times its input, as that varies"
    ]
