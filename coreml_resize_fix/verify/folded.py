"""Find calls that a converter computed itself: a constant of the file holds the recorded result."""

from typing import List

import numpy as np

from coreml_resize_fix.auditing.matching import Matching
from coreml_resize_fix.auditing.without_layer import ELSEWHERE, WithoutLayer
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded, Tensors
from coreml_resize_fix.verify.compare import recorded_of

# Of the largest magnitude: PyTorch's own rounding, and that of numbers that are stored rounded.
_TOLERANCES = {"f": 1e-4, "e": 2e-3}


def settle(matching: Matching, model: Model, tensors: Tensors) -> None:
    """Ask for no layer where a call of a parameter has its recorded result as a constant."""
    left: List[Intent] = []
    for intent in matching.unused:
        recorded = recorded_of(intent, tensors)
        if intent.input_is_parameter and recorded is not None and _is_held(model, recorded):
            matching.need_no_layer.append(WithoutLayer(intent, ELSEWHERE))
        else:
            left.append(intent)
    matching.unused[:] = left


def _is_held(model: Model, recorded: Recorded) -> bool:
    wanted = recorded.output.astype(np.float64).ravel()
    largest = max(float(np.abs(wanted).max()), 1e-12)
    for code, data in model.constants(recorded.output.shape):
        held = np.frombuffer(data, "<" + code).astype(np.float64)
        if held.size == wanted.size and np.abs(held - wanted).max() <= _TOLERANCES[code] * largest:
            return True
    return False
