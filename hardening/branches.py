"""Every intent in a place of an ML Program, for `python -m hardening.matrix`.

A network of PyTorch has one branch for each kind of call. A program has the same branches with a
stand-in for each call: an operation of another grid, and often of another size, as a converter
might write it. Every branch ends at `fixed`, proved, or at a refusal that names why. The truth
comes from the PyTorch network; what a fixed package computes, from the tests' `torch_executor`.
"""

import itertools
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import coremltools as ct
import numpy as np
import torch

from coreml_resize_fix import audit, predict, record_intents
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.formats.mlprogram import build, torch_executor
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.test_edits import as_coremltools_infers
from tests.support.folders import contents

Size = Tuple[int, int]

MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
TOLERANCE = {"float32": 1e-4, "float16": 2e-3}  # of the largest magnitude
TARGETS = (15, 16, 17, 18)
LAYOUTS = ("static", "range", "listed")
CHANNELS = 2
REFUSED = ("unmatchable",)  # what a refusal may be called


class Sizes(NamedTuple):
    """A size of the input, one that calls ask for, and factors: whole, p/q and odd fractions."""

    before: Size
    after: Size
    divided: Size  # divides `before`
    whole: Tuple[float, float]
    ratio: Tuple[float, float]
    odd: Tuple[float, float]


SIZES = (
    Sizes((12, 18), (20, 31), (4, 6), (2.0, 3.0), (1.5, 1.25), (2.3, 1.7)),
    Sizes((16, 10), (7, 4), (8, 5), (3.0, 3.0), (0.75, 1.5), (0.7, 1.16)),
    Sizes((24, 12), (11, 25), (1, 1), (2.0, 2.0), (0.5, 0.25), (0.29, 0.61)),
    Sizes((30, 25), (1, 1), (10, 5), (4.0, 1.0), (2.5, 0.8), (1.37, 0.9)),
    Sizes((9, 15), (9, 40), (3, 5), (5.0, 2.0), (1.75, 1.2), (1.1, 2.03)),
)


def calls(sizes: Sizes) -> Dict[str, Dict[str, Any]]:
    """The kinds of intent: arguments of F.interpolate."""
    bilinear, bicubic = {"mode": "bilinear"}, {"mode": "bicubic"}
    to = {"size": sizes.after}
    return {
        "bilinear aligned": {**bilinear, "align_corners": True, **to},
        "bilinear aligned by factor": {
            **bilinear, "align_corners": True, "scale_factor": sizes.odd,
        },
        "bilinear": {**bilinear, **to},
        "bilinear by whole": {**bilinear, "scale_factor": sizes.whole},
        "bilinear by p/q": {**bilinear, "scale_factor": sizes.ratio},
        "bilinear by odd": {**bilinear, "scale_factor": sizes.odd},
        "bilinear recomputed": {
            **bilinear, "scale_factor": sizes.odd, "recompute_scale_factor": True,
        },
        "bicubic aligned": {**bicubic, "align_corners": True, **to},
        "bicubic": {**bicubic, **to},
        "bicubic by whole": {**bicubic, "scale_factor": sizes.whole},
        "bicubic by odd": {**bicubic, "scale_factor": sizes.odd},
        "bilinear antialias": {**bilinear, "antialias": True, **to},
        "bicubic antialias": {**bicubic, "antialias": True, **to},
        "area that divides": {"mode": "area", "size": sizes.divided},
        "area": {"mode": "area", **to},
        "nearest": {"mode": "nearest", **to},
        "nearest by whole": {"mode": "nearest", "scale_factor": sizes.whole},
        "nearest by odd": {"mode": "nearest", "scale_factor": sizes.odd},
        "nearest-exact": {"mode": "nearest-exact", **to},
        "nearest-exact by whole": {"mode": "nearest-exact", "scale_factor": sizes.whole},
        "nearest-exact by odd": {"mode": "nearest-exact", "scale_factor": sizes.odd},
    }  # fmt: skip


class Branches(torch.nn.Module):
    """Each call between two operations, from one input to an output of its own."""

    def __init__(self, asked: Dict[str, Dict[str, Any]]) -> None:
        super().__init__()
        self.asked = asked

    def forward(self, x: Any) -> Any:
        """All outputs, in order."""
        return tuple(
            torch.relu(torch.nn.functional.interpolate(x + _shift(number), **given))
            for number, given in enumerate(self.asked.values())
        )


def _shift(number: int) -> float:
    return number / 16  # no two branches read one value, or calls might be merged


class Place(NamedTuple):
    """Where a program runs, and whether its sizes vary."""

    sizes: Sizes
    ios: int
    precision: str
    layout: str

    @property
    def varies(self) -> bool:
        """Whether the network takes several sizes."""
        return self.layout != "static"

    @property
    def tried(self) -> List[Size]:
        """Input sizes at which results are executed; the first one is the default."""
        height, width = self.sizes.before
        if not self.varies:
            return [(height, width)]
        return [(height, width), (2 * height, 2 * width), (4 * height, width)]

    @property
    def input(self) -> Any:
        """How coremltools describes the input."""
        shapes = [(1, CHANNELS, *size) for size in self.tried]
        if self.layout == "range":
            sides = [ct.RangeDim(side // 2, 4 * side, side) for side in self.sizes.before]
            return ct.TensorType("x", (1, CHANNELS, *sides))
        if self.layout == "listed":
            return ct.TensorType("x", ct.EnumeratedShapes(shapes, default=shapes[0]))
        return ct.TensorType("x", shapes[0])


def stand_in(number: int, varies: bool, x: Any, size: Size) -> Any:
    """An operation that is in a call's place, of the kinds that converters write."""
    name = f"up{number}"
    kind = number % 3
    if kind == 0:
        return mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=2, scale_factor_width=2, name=name
        )
    if kind == 1 or varies:
        return mb.upsample_bilinear(
            x=x, scale_factor_height=3, scale_factor_width=2, align_corners=number % 2 == 0,
            name=name,
        )  # fmt: skip
    return mb.resize_bilinear(
        x=x, target_size_height=size[0], target_size_width=size[1], sampling_mode="DEFAULT",
        name=name,
    )  # fmt: skip


def package(place: Place, asked: Dict[str, Dict[str, Any]], path: str) -> None:
    """Write the program with a stand-in for each call."""

    def make(x: Any) -> Any:
        made = []
        for number, given in enumerate(asked.values()):
            image = mb.add(x=x, y=np.float32(_shift(number)))
            size = given.get("size", place.sizes.after)
            resized = stand_in(number, place.varies, image, size)
            made.append(mb.relu(x=resized, name=f"end{number}"))
        return tuple(made)

    sides = (build.symbol(), build.symbol()) if place.varies else place.sizes.before
    program = build.program(make, (1, CHANNELS, *sides), place.ios)
    build.save(program, path, place.ios, [place.input] if place.varies else None, place.precision)


def recorded(place: Place, network: Branches, tensors: bool = False) -> Any:
    """Intents of the calls, each pinned to its operation."""
    images = [torch.rand(1, CHANNELS, *size) for size in place.tried]
    intents = record_intents(network, images if place.varies else images[0], tensors=tensors)
    for number, intent in enumerate(list(intents)):
        intents[number] = replace(intent, layer=f"up{number}")
    return intents


def check(place: Place, folder: str) -> Dict[str, str]:
    """How each kind of call ends in a place, with the reason if it was refused.

    Raises:
        AssertionError: something is not as it must be.
    """
    asked = calls(place.sizes)
    network = Branches(asked).eval()
    path = os.path.join(folder, "model.mlpackage")
    package(place, asked, path)
    name = _input_name(path)
    intents = recorded(place, network)
    report = pipeline.process(path, pipeline.Request(intents, decompose=True, partial=True))
    by_kind = dict(zip(asked, report.findings))
    verdicts = {kind: str(one.verdict.value) for kind, one in by_kind.items()}
    left = [kind for kind, verdict in verdicts.items() if verdict not in ("fixed", "match")]
    assert report.exit_code == bool(left), (place, verdicts)
    assert place.varies or not left, (place, [by_kind[kind].message for kind in left])
    assert {verdicts[kind] for kind in left} <= set(REFUSED), (place, verdicts)
    result = report.output
    assert result, (place, verdicts)
    for size in place.tried:
        _compare(place, size, name, result, network, left)
    _reads_again(place, result, intents, left)
    return {
        kind: verdict if kind not in left else f"{verdict}: {by_kind[kind].message}"
        for kind, verdict in verdicts.items()
    }


def _input_name(path: str) -> str:
    (given,) = build.opens(path).description.input
    return str(given.name)


def _compare(
    place: Place, size: Size, name: str, result: str, network: Branches, left: List[str]
) -> None:
    """Outputs of the right branches are PyTorch's, and our own executor's those of the tests."""
    image = torch.rand(1, CHANNELS, *size) + 0.1
    with torch.no_grad():
        wanted = dict(zip(network.asked, (one.numpy() for one in network(image))))
    made = predict(result, {name: image.numpy()})
    for single in (True, False):
        executed = torch_executor.Package(result).run({name: image.numpy()}, single)
        assert len(executed) == len(wanted)
        for (kind, right), (output, values) in zip(wanted.items(), executed.items()):
            if kind in left:
                continue
            told = (place, size, kind, single, right.shape, values.shape)
            assert values.shape == right.shape, told
            assert _error(values, right) <= TOLERANCE[place.precision], told
            assert _error(made[output], values) <= TOLERANCE[place.precision], told


def _error(made: Any, wanted: Any) -> float:
    return float(np.abs(made - wanted).max() / np.abs(wanted).max())


def _reads_again(place: Place, result: str, intents: List[Intent], left: List[str]) -> None:
    """coremltools infers what is declared; a second run finds all right, and changes nothing."""
    with open(os.path.join(result, MODEL), "rb") as file:
        data = file.read()
    weights = os.path.join(result, os.path.dirname(MODEL), "weights")
    assert as_coremltools_infers(data, weights), place
    build.opens(result)
    before = contents(result)
    again = pipeline.process(result, pipeline.Request(intents, decompose=True, partial=True))
    verdicts = Counter(str(one.verdict.value) for one in again.findings)
    assert again.exit_code == bool(left), (place, verdicts)
    assert verdicts["match"] == len(intents) - len(left), (place, verdicts)
    assert again.output in (None, result), place
    assert contents(result) == before, place
    if not left:
        with_reference = audit(result, intents, reference=recorded(place, network_of(place), True))
        assert with_reference.exit_code == 0, (place, with_reference.network)


def network_of(place: Place) -> Branches:
    """The PyTorch network of a place."""
    return Branches(calls(place.sizes)).eval()


def places() -> List[Place]:
    """All of them; those whose sizes vary have a range of sizes and a list by turns."""
    static, varying = [], []
    found = itertools.product(enumerate(SIZES), TARGETS, enumerate(TOLERANCE))
    for (number, sizes), ios, (turn, precision) in found:
        static.append(Place(sizes, ios, precision, "static"))
        layout = LAYOUTS[1 + (number + ios + turn) % 2]
        varying.append(Place(sizes, ios, precision, layout))
    return static + varying


def ends(chosen: List[Place], folder: Optional[str] = None) -> "Counter[Tuple[str, str, str]]":
    """How often each (layout, kind) ended how; a network for each place."""
    counts: Counter[Tuple[str, str, str]] = Counter()
    for place in chosen:
        scratch = tempfile.mkdtemp(dir=folder)
        try:
            for kind, end in check(place, scratch).items():
                counts[place.layout, kind, end] += 1
        finally:
            shutil.rmtree(scratch)
    return counts
