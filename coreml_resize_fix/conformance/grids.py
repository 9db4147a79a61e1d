"""Every native resize of both kinds, and every factor whose product single and double precision
floor differently.

Expected values are those of the sampling grids (`conventions`), never of the executor.
"""

import itertools
from dataclasses import replace
from functools import partial
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.conformance.case import Arrays, Case, drawn
from coreml_resize_fix.conformance.models import HALF, SINGLE, network, program
from coreml_resize_fix.conventions import coreml, mil
from coreml_resize_fix.formats.mlprogram import operations, steps
from coreml_resize_fix.formats.model import ML_PROGRAM, NEURAL_NETWORK, ResizeOp
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.neuralnetwork.write_parameters import field_bytes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.reference import resize

_EXACT_VERSION = 5  # of networks whose inputs keep their rank: the new modes of Upsample need it

# (height, width) before and after
_SIZES: Dict[str, Tuple[Size, Size]] = {
    "up": ((5, 7), (8, 11)),
    "down": ((9, 10), (4, 7)),
    "to one": ((5, 6), (1, 1)),
    "of one": ((1, 3), (4, 5)),
    # Where a mode has positions midway between two pixels: UNALIGN, DEFAULT; STRICT, OFFSET.
    "ties": ((8, 4), (4, 8)),
    "more ties": ((3, 5), (5, 4)),
    "wide": ((1, 600), (1, 800)),  # half precision has no fractions of a pixel there
}
# (height, width) before, and factors; no product is near a whole number, but of whole factors
_FACTORS: Dict[str, Tuple[Size, Tuple[float, float]]] = {
    "whole": ((5, 7), (2, 3)),
    "fraction": ((5, 7), (1.55, 1.3)),
    "down": ((9, 11), (0.45, 0.7)),
    "to one": ((5, 6), (0.21, 0.18)),
}
_CHANNELS = 2


class _Grid(NamedTuple):
    """A resize, what it is called, and the size that it gets."""

    label: str
    op: Any
    before: Size


def cases() -> Iterator[Case]:
    """All native resizes."""
    for one in _layers():
        yield _layer(f"neural-network/grid/{one.label}", one.op, one.before)
    for one, precision in itertools.product(_operations(), (SINGLE, HALF)):
        name = f"ml-program/grid/{one.label}/{precision}"
        yield _operation(name, one.op, one.before, precision)


def _layers() -> Iterator[_Grid]:
    for mode, linear in coreml.UPSAMPLE_MODES:
        for label, (before, factors) in _FACTORS.items():
            name = f"upsample {mode} {linear} {label}"
            if label == "whole":
                yield _Grid(name, Upsample(mode, linear, (2, 3)), before)
            elif mode == "BILINEAR" and linear != "DEFAULT":
                yield _Grid(name, Upsample(mode, linear, (), factors), before)
    for (label, (before, after)), mode in itertools.product(_SIZES.items(), coreml.SAMPLING_MODES):
        yield _Grid(f"resizeBilinear {mode} {label}", ResizeBilinear(after, mode), before)


def _operations() -> Iterator[_Grid]:
    for label, (before, factors) in _FACTORS.items():
        for aligned, half in mil.UPSAMPLE_GRIDS:
            given: ResizeOp = operations.UpsampleBilinear(*factors, align_corners=aligned)
            if half == aligned:  # not what the first one means by itself
                given = operations.UpsampleBilinear(*factors, aligned, half)
            name = f"upsample_bilinear align_corners={aligned} half_pixel_centers={half} {label}"
            yield _Grid(name, given, before)
        yield _Grid(
            f"upsample_nearest_neighbor {label}", operations.UpsampleNearest(*factors), before
        )
    for label, (before, after) in _SIZES.items():
        for mode in mil.SAMPLING_MODES:
            given = operations.ResizeBilinear(*after, sampling_mode=mode)
            yield _Grid(f"resize_bilinear {mode} {label}", given, before)
        for interpolation, mode in itertools.product(mil.INTERPOLATIONS, mil.SAMPLING_MODES):
            shaped = operations.ResizeToShape(after, 2, interpolation, mode)
            yield _Grid(f"resize {interpolation} {mode} {label}", shaped, before)
        yield _Grid(f"resize_nearest_neighbor {label}", operations.ResizeNearest(*after), before)
    kept = operations.ResizeToShape((0, 11))
    yield _Grid("resize LINEAR DEFAULT of a size that is kept", kept, (5, 7))


def _layer(name: str, op: Any, before: Size, sizes: Optional[Mapping[str, Size]] = None) -> Case:
    exact = op.min_spec_version >= _EXACT_VERSION
    image = drawn((1, _CHANNELS, *before) if exact else (_CHANNELS, *before))

    def model() -> bytes:
        layer = schema.layer_class()(name="up", input=["x"], output=["y"])
        layer.MergeFromString(field_bytes(op))
        return network({"x": image}, [layer], ["y"], op.min_spec_version, exact)

    readings = partial(_readings, op, image, sizes)
    return Case(name, NEURAL_NETWORK, SINGLE, model, {"x": image}, readings)


def _operation(
    name: str,
    op: ResizeOp,
    before: Size,
    precision: str,
    sizes: Optional[Mapping[str, Size]] = None,
    varies: bool = False,
) -> Case:
    """`varies`: the program says neither the width that goes in nor the one that comes out."""
    image = drawn((1, _CHANNELS, *before))
    height, width = next(iter(sizes.values())) if sizes else op.output_size(before)

    def model() -> bytes:
        written = [*steps.of(op)]
        dims = (1, _CHANNELS, height, None if varies else width)
        written[-1] = written[-1]._replace(dims=dims)
        return program({"x": image}, written, op.min_spec_version, precision, varies)

    readings = partial(_readings, op, image, sizes)
    return Case(name, ML_PROGRAM, precision, model, {"x": image}, readings)


def _readings(op: Any, image: np.ndarray, sizes: Optional[Mapping[str, Size]]) -> Dict[str, Arrays]:
    """By the documented grid, and by every other one of that kind; at each of the `sizes` that it
    may make, the expected one first."""
    before = tuple(image.shape[-2:])
    found: Dict[str, Arrays] = {}
    for words, after in (sizes or {"": op.output_size(before)}).items():
        for name, axes in _axes(op, before, after).items():
            found[f"{name}, {words}" if words else name] = [resize(image, *axes)]
    return found


def _axes(op: Any, before: Size, after: Size) -> Dict[str, Sequence[AxisSpec]]:
    own = op.axes(before, after)
    if own[0].kernel == "linear":
        transforms = {*coreml.SAMPLING_MODES.values(), *mil.SAMPLING_MODES.values()}
        others = [("linear", transform) for transform in sorted(transforms)]
    else:
        roundings = ("nearest_floor", "nearest_round_prefer_floor", "nearest_round_prefer_ceil")
        others = list(itertools.product(roundings, ("asymmetric", "half_pixel", own[0].transform)))
    found: Dict[str, Sequence[AxisSpec]] = {"documented": own}
    for kernel, transform in others:
        axes = tuple(AxisSpec(kernel, transform, x, n) for x, n in zip(before, after))
        if axes != own:
            found[f"{kernel} {transform}"] = axes
        if op.factors is not None and transform in ("asymmetric", "half_pixel"):
            stepped = [replace(one, step=1 / s) for one, s in zip(axes, op.factors)]
            found[f"{kernel} {transform} by 1 / factor"] = stepped
    return found


# --- factors on an edge ------------------------------------------------------------------------

_HUNDREDTHS, _LARGEST = 300, 25  # factors up to 3, of images up to 25 pixels wide


def edges() -> List[Tuple[int, float]]:
    """(X, s): for each s in hundredths the least X that single and double precision differ on."""
    found: Dict[float, int] = {}
    for size, number in itertools.product(range(1, _LARGEST + 1), range(1, _HUNDREDTHS + 1)):
        sizes = mil.sizes_by_factor(size, number / 100)
        if sizes[0] != sizes[1] and min(sizes):
            found.setdefault(number / 100, size)
    return [(size, factor) for factor, size in sorted(found.items())]


def edge_cases() -> Iterator[Case]:
    """Of each edge: the layer, and the operations that declare either size, or none."""
    for size, factor in edges():
        before, label = (1, size), f"{factor:g} of {size}"
        single, double = ((1, n) for n in mil.sizes_by_factor(size, factor))
        declared = {
            "single": {"single": single, "double": double},
            "double": {"double": double, "single": single},
        }
        layer = Upsample("BILINEAR", "ALIGN_CORNERS_FALSE", (), (1.0, factor))
        own = "single" if layer.output_size(before) == single else "double"
        yield _layer(f"neural-network/edge/upsample {label}", layer, before, declared[own])
        bilinear = operations.UpsampleBilinear(1.0, factor, align_corners=False)
        nearest = operations.UpsampleNearest(1.0, factor)
        for precision, (which, sizes) in itertools.product((SINGLE, HALF), declared.items()):
            name = f"ml-program/edge/{bilinear.kind} {label}, {which} declared/{precision}"
            yield _operation(name, bilinear, before, precision, sizes)
        for op in (bilinear, nearest):
            name = f"ml-program/edge/{op.kind} {label}, none declared/{SINGLE}"
            yield _operation(name, op, before, SINGLE, declared["single"], varies=True)
