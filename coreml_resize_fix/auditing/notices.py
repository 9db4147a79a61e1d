"""What a user should know of the whole model, beside the verdicts on its layers."""

from typing import List, Optional, Sequence

from coreml_resize_fix.auditing.audit import Audit
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.displacement import Displacement, describe
from coreml_resize_fix.auditing.findings import MATCH, Finding
from coreml_resize_fix.auditing.frameworks import meant_for_pytorch
from coreml_resize_fix.formats import spec_versions
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.shapes import Conflict, UsableSizes
from coreml_resize_fix.sampling.single import exactly
from coreml_resize_fix.words import quoted, size_text

NOT_CHECKED = (
    "not checked: preprocessing (scale, bias, color order), weights and their precision, compute "
    "units, and every layer that does not resize"
)

_LISTED = 6  # sizes in a sentence


def notices(
    model: Model,
    audit: Audit,
    moved: Sequence[Displacement],
    spec_version: int,
    asked: bool,
    usable: Optional[UsableSizes] = None,
) -> List[str]:
    """Remarks on one file, in the order of their weight."""
    found = _unreached(model) + list(audit.matching.notices)
    current = model.spec_version
    if spec_version != current:
        found.append(
            f"the result has specification version {spec_version} instead of {current}, so it "
            f"needs iOS {spec_versions.minimum_ios(spec_version)} instead of "
            f"{spec_versions.minimum_ios(current)}"
        )
    found += [describe(displacement) for displacement in moved]
    for conflict in audit.repaired:
        found.append(
            f"`{conflict.address}` (`{conflict.layer}`) cannot run in the file as it is: "
            f"{conflict.message}; the fix repairs it"
        )
    for conflict in audit.conflicts_after:
        found.append(f"{cannot_run(conflict)} ({Code.CANNOT_RUN})")
    if usable is not None and not usable.everywhere and not audit.conflicts_after:
        found.append(f"{sizes_that_run(usable)} ({Code.SIZES_THAT_CANNOT_RUN})")
    found += model.doubts(audit.before, audit.after)
    found += model.remarks
    for finding in audit.findings:
        layer = finding.layer
        freezes = layer.params.fixed_size is not None and not layer.params.is_chain
        if freezes and layer.input.is_flexible:
            found.append(
                f"`{layer.name}` makes one size, {layer.params}, of every size that this flexible "
                "model accepts"
            )
        if finding.verdict == MATCH and layer.params.caveat:
            found.append(f"`{layer.name}` {layer.params.caveat}")
            if layer.input.is_static:
                found[-1] += "; `--rewrite-downscales` has another operation compute the same"
        if finding.wrong_before and finding.verdict == MATCH:
            found.append(finding.message)
        found += read_as_factor(finding) + _of_one_size(finding, audit)
    found += _laws(audit)
    found += meant_for_pytorch(audit.findings, model)
    if asked and audit.findings:
        found.append(NOT_CHECKED)
    return found


def _laws(audit: Audit) -> List[str]:
    """How the sizes of calls follow, where several examples tell."""
    told = [
        f"`{finding.layer.name}` {finding.intent.law}"
        for finding in audit.findings
        if finding.intent is not None and finding.intent.law is not None
    ]
    return [f"by the recorded sizes these follow: {', '.join(told)}"] if told else []


def cannot_run(conflict: Conflict) -> str:
    """What does not fit, and where."""
    return f"`{conflict.address}` (`{conflict.layer}`) cannot run: {conflict.message}"


def sizes_that_run(usable: UsableSizes) -> str:
    """Which sizes run, why others do not, and how much of them was looked at."""
    text = f"`{usable.name}` may be {_allowed(usable)}, and the network runs {_where(usable)}"
    if usable.example is not None:
        size, conflict = usable.example
        text += f"; at {size_text(size)} {cannot_run(conflict)}"
    if not usable.tried_all:
        text += "; only part of the sizes was tried"
    return text


def _allowed(usable: UsableSizes) -> str:
    if not usable.limits:
        return "one of several sizes"
    first = size_text(tuple(low for low, _ in usable.limits))
    if all(high is None for _, high in usable.limits):
        return f"{first} and larger"
    ends = ["any" if high is None else str(high) for _, high in usable.limits]
    return f"{first} to {'×'.join(ends)}"


def _where(usable: UsableSizes) -> str:
    if usable.multiple_of is not None:
        height, width = usable.multiple_of
        if height == width:
            where = f"where height and width are multiples of {height}"
        else:
            named = [("height", height), ("width", width)]
            parts = [f"the {axis} is a multiple of {n}" for axis, n in named if n > 1]
            where = f"where {' and '.join(parts)}"
        return f"{where}, and at a few sizes between" if usable.besides else f"only {where}"
    sizes = usable.sizes or ()
    if usable.only_default:
        return f"at {size_text(usable.default)} alone" if sizes else "at none of them"
    more = len(sizes) - _LISTED
    listed = ", ".join(map(size_text, sizes[:_LISTED])) + (f" and {more} more" if more > 0 else "")
    return f"at {listed} {'only' if usable.tried_all else 'at least'}"


def _unreached(model: Model) -> List[str]:
    """A notice for each network whose outputs do not depend on some input."""
    found = []
    for network in model.networks:
        names = network.unreached
        where = f" of `{network.prefix.rstrip('/')}`" if network.prefix else ""
        if names and len(names) == len(network.inputs):
            found.append(
                f"no output{where} depends on {_listed(names)}: it computes the same for every "
                "input; trace and convert the model again"
            )
        elif names:
            found.append(f"no output{where} depends on {_listed(names)}: it is not used")
    return found


def _listed(names: Sequence[str]) -> str:
    several = len(names) > 1
    return f"the input{'s' if several else ''} " + quoted(names)


def _of_one_size(finding: Finding, audit: Audit) -> List[str]:
    """A notice on a layer of one size in a network of many, as behind a global pooling."""
    layer, intent = finding.layer, finding.intent
    by_factor = intent is None or (intent.size is None and intent.scale_factor is not None)
    varies = any(
        shapes.flexible_inputs and layer.address in shapes.layers
        for shapes in audit.before.values()
    )
    if by_factor or not varies or layer.input.size is None or finding.intended_size is None:
        return []
    gets, asked = size_text(layer.input.size), size_text(finding.intended_size)
    return [
        f"`{layer.name}` gets {gets} of every input that this flexible model "
        f"accepts, and {asked} is asked of it: that is right at every size "
        "if the call named the size itself, and at the recorded one alone if it took the size of "
        "another tensor"
    ]


def read_as_factor(finding: Finding) -> List[str]:
    """A notice where a recorded size was read as a factor, since the input varies."""
    intent, layer = finding.intent, finding.layer
    read = finding.comparisons.asked if finding.comparisons is not None else None
    if Code.SIZE_UNDECIDED in finding.codes:
        return []
    if intent is None or read is None or intent.size is None or read.scale_factor is None:
        return []
    rows, columns = intent.size
    height, width = (exactly(factor) for factor in read.scale_factor)
    times = f"{height} times its input"
    if height != width:
        times = f"{height} times the height and {width} times the width of its input"
    return [f"`{layer.name}` was recorded with the size {rows}×{columns}, here read as {times}"]
