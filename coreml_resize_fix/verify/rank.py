"""Rank the native settings of the right size, the closest first, where none is exact."""

from dataclasses import replace
from typing import Tuple

import numpy as np

from coreml_resize_fix.auditing import closest
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.findings import INEXACT, Finding, Near
from coreml_resize_fix.intents.tensors import Recorded, Tensors
from coreml_resize_fix.sampling.reference import resize
from coreml_resize_fix.verify import probes
from coreml_resize_fix.verify.compare import recorded_of
from coreml_resize_fix.verify.kernels.checks import KernelError


def with_closest(finding: Finding, spec_version: int, tensors: Tensors) -> Finding:
    """The finding with the settings that a user could fall back to, up to that version.

    In the order of `auditing.closest`, with the mean absolute error of each: on the recorded
    tensors, or on noise with the spectrum of natural images.
    """
    intent, layer = finding.intent, finding.layer
    if finding.verdict not in INEXACT or intent is None or finding.comparisons is None:
        return finding
    asked, sizes = finding.comparisons
    # Where the recording leaves open what is asked for, a setting would only seem to be close.
    if not sizes or Code.SIZE_UNDECIDED in finding.codes:
        return finding
    before, after = sizes[0]
    if probes.pixels(before, after) > probes.LARGEST_MAP:
        return finding
    recorded = recorded_of(intent, tensors)
    images, expected = probes.natural(before)[np.newaxis], None
    if recorded is not None and recorded.input.shape[-2:] == before:
        images, expected = _planes(recorded)
    if expected is None or expected.shape[-2:] != after:
        expected = resize(images, *asked.axes(before, after))
    try:
        found = [
            Near(params, shift, float(np.abs(params.run(images, after) - expected).mean()))
            for params, shift in closest.settings(layer, finding.comparisons, spec_version)
        ]
    except KernelError:  # too many recorded planes
        return finding
    return replace(finding, closest=tuple(found))


def _planes(recorded: Recorded) -> Tuple[np.ndarray, np.ndarray]:
    return recorded.input.astype(np.float64), recorded.output.astype(np.float64)
