"""Where nothing exact is allowed: every native setting of the right size, the closest first."""

from dataclasses import replace
from typing import List, Optional, Tuple

import numpy as np

from coreml_resize_fix.auditing.findings import INEXACT, Finding, Near
from coreml_resize_fix.auditing.natives import allowed
from coreml_resize_fix.auditing.pairing import comparisons, pair
from coreml_resize_fix.coreml.resize_params import Composite, ResizeParams
from coreml_resize_fix.intents.tensors import Recorded, Tensors
from coreml_resize_fix.sampling.reference import resize
from coreml_resize_fix.verify import interpret, probes


def ranked(finding: Finding, spec_version: int, tensors: Tensors) -> Finding:
    """The finding with the settings that a user could fall back to, up to that version.

    Ordered by the largest shift in source pixels, then by the mean absolute error: on the recorded
    tensors, or on noise with the spectrum of natural images.
    """
    intent, layer = finding.intent, finding.layer
    if finding.verdict not in INEXACT or intent is None:
        return finding
    asked, sizes = comparisons(intent, layer)
    if not sizes:
        return finding
    before, after = sizes[0]
    if max(before[0] * before[1], after[0] * after[1]) > probes.LARGEST_MAP:
        return finding
    recorded = tensors.get(intent.index) if intent.index is not None else None
    images, expected = probes.natural(before)[np.newaxis], None
    if recorded is not None and recorded.input.shape[-2:] == before:
        images, expected = _planes(recorded)
    if expected is None or expected.shape[-2:] != after:
        expected = resize(images, *asked.axes(before, after))
    settings: List[ResizeParams] = []
    for native in allowed(layer, spec_version):
        built = native.build([(before, after)])
        if built is not None and built not in settings:
            settings.append(built)
    if not isinstance(layer.params, Composite) and layer.params not in settings:
        settings.append(layer.params)
    found: List[Near] = []
    for params in settings:
        shift: Optional[float] = pair(asked, params, before, after).max_shift
        if shift is None:
            continue
        error = float(np.abs(interpret.run(params, images, after) - expected).mean())
        found.append(Near(params, round(shift, 9), error))
    found.sort(key=lambda near: (near.max_shift_px, near.mean_abs_error))
    return replace(finding, closest=tuple(found))


def _planes(recorded: Recorded) -> Tuple[np.ndarray, np.ndarray]:
    return recorded.input.astype(np.float64), recorded.output.astype(np.float64)
