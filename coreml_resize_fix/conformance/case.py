"""A case: a model, what it gets, and what it may make of that; the verdict on what it made."""

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence

import numpy as np

from coreml_resize_fix.conformance.models import HALF
from coreml_resize_fix.formats.model import NEURAL_NETWORK
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.verify.network import execute

Arrays = List[np.ndarray]  # the outputs in order

# Of the largest magnitude. A wrong grid moves these images by a tenth of it and more.
_SINGLE, _HALF = 1e-4, 5e-3
_DISTINCT = 126  # values of one image, as many as there are odd multiples of 1/128 in (-1, 1)


class Case(NamedTuple):
    """`readings` has, by name, what the model makes by each way of reading Apple's words; the first
    is what this package takes it for."""

    name: str
    kind: str
    precision: str
    model: Callable[[], bytes]
    inputs: Mapping[str, np.ndarray]
    readings: Callable[[], Dict[str, Arrays]]


def drawn(shape: Sequence[int], seed: int = 0) -> np.ndarray:
    """Seeded noise in (-1, 1), exact in float16; distinct numbers, as far as there are enough."""
    size = int(np.prod(shape))
    order = np.random.RandomState(seed).permutation(max(size, _DISTINCT))[:size] % _DISTINCT
    return ((2 * order - _DISTINCT + 1) / 128).astype(np.float32).reshape(shape)


def executed(model: Callable[[], bytes], inputs: Mapping[str, np.ndarray]) -> Dict[str, Arrays]:
    """The one reading of most kinds: what the executor makes.

    Raises:
        ValueError: it does not run the model.
    """
    opened = open_bytes(model(), "the case")
    found = execute(opened, inputs)
    if found.not_run is not None:
        raise ValueError(f"the executor does not run it: {found.not_run.reason}")
    return {"the executor": [found.outputs[name] for name in opened.outputs]}


def tolerance(case: Case, unit: str) -> float:
    """Of the largest magnitude: GPU and Neural Engine run NeuralNetworks in half precision."""
    in_half = case.kind == NEURAL_NETWORK and unit not in ("CPU_ONLY", "numpy")
    return _HALF if case.precision == HALF or in_half else _SINGLE


def judge(case: Case, made: Arrays, allowed: float) -> Dict[str, Any]:
    """The part of a record that says what came out: see docs/conformance.md."""
    readings = case.readings()
    errors = {name: _error(made, wanted) for name, wanted in readings.items()}
    expected = next(iter(readings))
    near = {name: error for name, error in errors.items() if error is not None}
    best = min(near, key=lambda name: near[name]) if near else expected
    reading = next((name for name in (expected, best) if near.get(name, allowed) < allowed), None)
    verdict = "differs" if reading is None else "other-reading"
    return {
        "verdict": "as-expected" if reading == expected else verdict,
        "reading": reading,
        "largest_error": errors[expected],
        "readings": {name: _rounded(error) for name, error in near.items()},
        "expected": _listed(readings[expected]),
        "got": _listed(made),
    }


def _error(made: Arrays, wanted: Arrays) -> Any:
    """The largest, as a share of the largest magnitude; None if a shape or a number is wrong."""
    pairs = list(zip(map(_plain, made), map(_plain, wanted)))
    if len(made) != len(wanted) or any(one.shape != other.shape for one, other in pairs):
        return None
    found = 0.0
    for one, other in pairs:
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        largest = np.abs(other[np.isfinite(other)]).max() if np.isfinite(other).any() else 1.0
        with np.errstate(invalid="ignore"):
            off = np.where(same, 0.0, np.abs(one - other)) / max(float(largest), 1e-6)
        if not np.isfinite(off).all():
            return None
        found = max(found, float(off.max()) if off.size else 0.0)
    return found


def _plain(array: np.ndarray) -> np.ndarray:
    """Without axes of one, which Core ML adds and drops."""
    return np.squeeze(np.asarray(array, np.float64))


def _listed(arrays: Arrays) -> List[Dict[str, Any]]:
    return [
        {
            "shape": list(array.shape),
            "values": [_rounded(value) for value in np.ravel(array).tolist()],
        }
        for array in arrays
    ]


def _rounded(value: float) -> Any:
    """Six digits; None for what JSON has no number for."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
