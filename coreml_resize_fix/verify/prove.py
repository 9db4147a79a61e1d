"""Errors of each finding before and after its change, and the proof of a written result."""

from dataclasses import replace
from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.findings import FIXABLE, MATCH, Finding
from coreml_resize_fix.auditing.rules import WITHOUT_VALUES
from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded, Tensors
from coreml_resize_fix.progress import ShowProgress
from coreml_resize_fix.verify.compare import (
    Measurement,
    is_small,
    measure,
    measure_recorded,
    recorded_of,
)

_MOST_SIZES = 4


def examine_all(
    label: str, found: Sequence[Finding], tensors: Tensors, tell: ShowProgress
) -> Tuple[Finding, ...]:
    """The findings with their errors in values; `label` names the model in messages.

    Raises:
        ProofError: a layer that was found or planned to be right is not, in values.
    """
    result: List[Finding] = []
    for number, finding in enumerate(found, 1):
        measured, wrong = examine(finding, tensors)
        if wrong is not None:
            raise ProofError(
                f"`{label}` failed its numerical proof: {wrong}",
                "nothing was written; check the manifest and the tensors recorded beside it",
            )
        result.append(measured)
        tell(number, len(found), "comparing", "layer")
    return tuple(result)


def examine(finding: Finding, tensors: Tensors) -> Tuple[Finding, Optional[str]]:
    """The finding with its largest absolute errors, and why what is planned is wrong, or None.

    Errors are None where nothing can be compared, where the sizes differ, and where it is not
    documented what the layer makes.
    """
    intent, layer = finding.intent, finding.layer
    if intent is None or finding.intended_size is None:
        return finding, None
    before = _measure_file(finding, tensors)
    after = _measure_all(finding, finding.after, tensors) if finding.after else []
    result = replace(
        finding, max_abs_error_before=_largest(before), max_abs_error_after=_largest(after)
    )
    if finding.verdict not in (FIXABLE, MATCH):
        return result, None
    return result, _find_objection(finding, intent, finding.after or layer.params, after or before)


def _measure_file(finding: Finding, tensors: Tensors) -> List[Optional[Measurement]]:
    """The errors of the layer in the file; [] where it cannot be computed and need not match."""
    params = finding.layer.params
    if params.lacks_its_mode or WITHOUT_VALUES & set(finding.codes):
        return []
    try:
        return _measure_all(finding, params, tensors)
    except ProofError:
        if finding.verdict == MATCH or not params.is_chain:
            raise
        return []


def find_failure(finding: Finding, written: ResizeOp, tensors: Tensors) -> Optional[str]:
    """Why the parameters that were written do not prove to compute the intent, or None."""
    if finding.verdict not in (FIXABLE, MATCH) or finding.intent is None:
        return None
    found = _measure_all(finding, written, tensors)
    return _find_objection(finding, finding.intent, written, found)


def _find_objection(
    finding: Finding,
    intent: Intent,
    params: ResizeOp,
    found: Sequence[Optional[Measurement]],
) -> Optional[str]:
    if not found or None in found:
        return f"`{params}` makes another size than `{intent}` asks for"
    wrong = [item for item in found if item is not None and not item.proves]
    if not wrong:
        return None
    return (
        f"`{finding.layer.name}` (`{params}`) gives {wrong[0]}, "
        f"where `{intent.label}` asks for `{intent}`"
    )


def _measure_all(
    finding: Finding, params: ResizeOp, tensors: Tensors
) -> List[Optional[Measurement]]:
    """Comparisons on probes of every size, and on the recorded tensors if there are any."""
    intent, comparisons = finding.intent, finding.comparisons
    if intent is None or comparisons is None:
        return []
    asked, sizes = comparisons
    # Of the sizes of a flexible input a few will do that are not too large.
    sizes = tuple(size for size in sizes if is_small(*size))[:_MOST_SIZES] or sizes
    # What this run makes is exact; what is in the file already may have been rounded since.
    rounded = finding.verdict == MATCH
    found = [measure(asked, params, before, after, rounded) for before, after in sizes]
    recorded = recorded_of(intent, tensors)
    if recorded is not None and _belongs(recorded, finding):
        found.append(measure_recorded(params, recorded, rounded))
    return found


def _belongs(recorded: Recorded, finding: Finding) -> bool:
    """Whether the tensors were recorded at the size that the layer gets."""
    size = finding.layer.input.size
    return size is not None and tuple(recorded.input.shape[-2:]) == size


def _largest(found: Sequence[Optional[Measurement]]) -> Optional[float]:
    errors = [item.error for item in found if item is not None]
    return max(errors) if len(errors) == len(found) and errors else None
