"""Every replacement that a fix writes, on small images, in every form of every kind of model.

Expected values are those of the call's own sampling grid, never of the executor.
"""

import itertools
from functools import partial
from typing import Any, Dict, Iterator, NamedTuple, Sequence, Tuple

from coreml_resize_fix.conformance import case
from coreml_resize_fix.conformance.models import HALF, SINGLE, network, program
from coreml_resize_fix.formats.mlprogram.operations import IOS15, IOS17
from coreml_resize_fix.formats.mlprogram.place import OperationPlace
from coreml_resize_fix.formats.model import ML_PROGRAM, NEURAL_NETWORK
from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.replacements import choose
from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.choose import Candidate
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.reference import resize

_CHANNELS = 2
# Calls of F.interpolate, of images of (height, width)
CALLS: Sequence[Tuple[str, Tuple[int, int], Dict[str, Any]]] = (
    ("bilinear by 2", (4, 5), {"scale_factor": (2.0, 2.0)}),
    ("bilinear by 3", (3, 4), {"scale_factor": (3.0, 3.0)}),
    ("bilinear by 3/2", (5, 7), {"scale_factor": (1.5, 1.5)}),
    ("bilinear by 1/2", (8, 6), {"scale_factor": (0.5, 0.5)}),
    ("bilinear to a size", (5, 7), {"size": (8, 9)}),
    ("bilinear to one", (5, 7), {"size": (1, 1)}),
    ("bilinear with aligned corners", (5, 7), {"size": (8, 9), "align_corners": True}),
    ("bilinear with antialias", (9, 10), {"size": (4, 7), "antialias": True}),
    ("bicubic by 2", (4, 5), {"mode": "bicubic", "scale_factor": (2.0, 2.0)}),
    ("bicubic by 1/2", (8, 6), {"mode": "bicubic", "scale_factor": (0.5, 0.5)}),
    ("bicubic to a size", (5, 7), {"mode": "bicubic", "size": (8, 9)}),
    ("nearest by 2", (4, 5), {"mode": "nearest", "scale_factor": (2.0, 2.0)}),
    ("nearest to a size", (5, 7), {"mode": "nearest", "size": (8, 4)}),
    ("nearest-exact to a size", (5, 7), {"mode": "nearest-exact", "size": (8, 4)}),
    ("area that divides", (8, 6), {"mode": "area", "size": (4, 2)}),
    ("area to a size", (8, 6), {"mode": "area", "size": (3, 4)}),
)
# exact mapping, rank of the blob
_LAYOUTS = {"rank 5": (False, 5), "exact 4": (True, 4), "exact 3": (True, 3)}
# specification version, precision, in_float32
_PROGRAMS = (
    (IOS15, SINGLE, False),
    (IOS15, HALF, False),
    (IOS15, HALF, True),
    (IOS17, SINGLE, False),
    (IOS17, HALF, False),
)


def cases() -> Iterator[case.Case]:
    """All replacements, each in every form that some place has."""
    for label, before, given in CALLS:
        intent = Intent(input_size=before, channels=_CHANNELS, **given)
        axes = intent.axes(before, intent.target_size(before) or before)
        for place in _places(before):
            for one in choose.candidates(Case(*axes, channels=_CHANNELS), place.place):
                yield _case(f"{one.purpose.name}/{label}, {place.label}", one, place, axes)


class _Place(NamedTuple):
    """Where a replacement is written; `dims` are those of the image there."""

    label: str
    place: Any
    dims: Tuple[int, ...]
    precision: str


def _places(before: Tuple[int, int]) -> Iterator[_Place]:
    for (layout, (exact, rank)), precision in itertools.product(_LAYOUTS.items(), (SINGLE, HALF)):
        dims = (1, _CHANNELS, *before) if rank == 4 else (_CHANNELS, *before)
        in_half = partial(bool, precision == HALF)
        layer = LayerPlace(
            "up", "x", "y", rank, None if exact else 1, _CHANNELS, exact, in_half=in_half
        )
        yield _Place(layout, layer, dims, precision)
    for version, precision, in_float32 in _PROGRAMS:
        dims = (1, _CHANNELS, *before)
        real = "FLOAT16" if precision == HALF else "FLOAT32"
        operation = OperationPlace(dims, real, version, in_float32=in_float32)
        words = " in float32" if in_float32 else ""
        yield _Place(f"version {version}{words}", operation, dims, precision)


def _case(name: str, one: Candidate, place: _Place, axes: Tuple[AxisSpec, AxisSpec]) -> case.Case:
    inputs = {"x": case.drawn(place.dims)}
    is_layer = isinstance(place.place, LayerPlace)

    def model() -> bytes:
        made = one.written().params
        if is_layer:
            half = place.precision == HALF
            version = max(one.way.spec_version, 2 if half else 1)
            return network(inputs, made.messages(), ["y"], version, place.place.exact_mapping)
        version = max(one.way.spec_version, place.place.version)
        return program(inputs, made.operations, version, place.precision)

    kind = NEURAL_NETWORK if is_layer else ML_PROGRAM
    return case.Case(
        f"{kind}/replacement/{name}/{place.precision}",
        kind,
        place.precision,
        model,
        inputs,
        lambda: {"the call": [resize(inputs["x"], *axes)]},
    )
