"""Networks that are converted here: the verdicts on them, and what they compute once fixed.

The truth comes from PyTorch, and from running the whole package with the code of `torch_executor`
on an image that was not recorded. Products of sizes and factors are floored in single and in double
precision: a resize is right if it is with both.
"""

import math
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch

from coreml_resize_fix import audit, fix, record_intents
from coreml_resize_fix.errors import UnmatchedError
from tests.formats.mlprogram import build, torch_executor, torch_networks
from tests.formats.mlprogram.test_edits import only_these_differ
from tests.formats.mlprogram.torch_networks import BEYOND, CASES, MENDED, REFUSED, RIGHT
from tests.support.folders import contents

MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
RULES = {"single": True, "double": False}
EXACT = 1e-4  # PyTorch's own rounding
TOLERANCE = {"float32": 1e-4, "float16": 2e-3}  # of the largest magnitude: weights are rounded


class Converted:
    """A case, its package, the recorded intents, and what PyTorch makes of another image."""

    def __init__(self, case, folder):
        self.case = case
        self.network, recorded, self.image = torch_networks.built(case)
        self.path = str(folder / (case.name + ".mlpackage"))
        self.model = torch_networks.converted(case, self.network, recorded, self.path)
        more = [torch.rand(1, 3, *size) for size in case.what.sizes[1:]]
        self.intents = record_intents(self.network, [recorded, *more])
        self.calls, self.made = calls_of(self.network, self.image)

    def error(self, path, image=None):
        """Of the outputs of a package, as a share of the largest magnitude: the worst of both."""
        wanted = self.made if image is None else calls_of(self.network, image)[1]
        package = torch_executor.Package(path)
        given = {name_of_input(package): (self.image if image is None else image).numpy()}
        return max(
            error(made, asked)
            for single in RULES.values()
            for made, asked in zip(package.run(given, single).values(), wanted)
        )


def calls_of(network, image):
    """(input, output) of every call, and the outputs of the network."""
    calls, original = [], torch.nn.functional.interpolate

    def recorded(x, *given, **more):
        made = original(x, *given, **more)
        calls.append((x.double(), made.double()))
        return made

    torch.nn.functional.interpolate = recorded
    try:
        with torch.no_grad():
            made = network(image)
        made = made if isinstance(made, tuple) else (made,)
        return calls, [one.numpy() for one in made]
    finally:
        torch.nn.functional.interpolate = original


def name_of_input(package):
    (one,) = package.spec.mlProgram.functions["main"].inputs
    return one.name


def error(made, wanted):
    made, wanted = np.asarray(made), np.asarray(wanted)
    if made.shape != wanted.shape:
        return math.inf
    return float(np.abs(made - wanted).max() / max(np.abs(wanted).max(), 1e-9))


def errors_of_resizes(converted, path):
    """The error of each resize of a package by its address, if it gets what PyTorch's call got.

    Every resize is given what PyTorch recorded, and hands on what PyTorch made. Among calls of the
    same input it stands for the one that it is nearest to.
    """
    found = {}
    package = torch_executor.Package(path)
    function = package.spec.mlProgram.functions["main"]
    outputs = [
        one.outputs[0].name for one in function.block_specializations[function.opset].operations
    ]

    def judge(operation, make, image):
        fitting = [
            (error(make(given), made), number)
            for number, (given, made) in enumerate(converted.calls)
            if number not in taken and error(image, given) < 0.02
        ]
        assert fitting, "no call of PyTorch has the input of a resize"
        worst, number = min(fitting)
        taken.add(number)
        address = "main/ops[{}]".format(outputs.index(operation.outputs[0].name))
        found[address] = max(worst, found.get(address, 0.0))
        return converted.calls[number][1]

    for single in RULES.values():
        taken = set()
        package.run({name_of_input(package): converted.image.numpy()}, single, judge)
    return found


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def converted(request, tmp_path_factory):
    return Converted(request.param, tmp_path_factory.mktemp("converted"))


def test_there_are_enough_of_each():
    assert len(CASES) >= 60
    for field in ("frontend", "ios", "precision"):
        counts = [getattr(case, field) for case in CASES]
        assert min(counts.count(one) for one in set(counts)) >= 15
    assert {case.what.becomes for case in CASES} == {RIGHT, MENDED, BEYOND, REFUSED}


def test_the_kind_is_what_it_says(converted):
    """A case that stands for a defect has it."""
    worst = converted.error(converted.path)
    is_right = worst <= TOLERANCE[converted.case.precision]
    assert is_right == (converted.case.what.becomes == RIGHT), worst


def test_verdicts(converted):
    """A match is exactly what computes what PyTorch does, and exit code 0 what all does."""
    report = audit(converted.path, converted.intents)
    right = {
        address: worst <= EXACT
        for address, worst in errors_of_resizes(converted, converted.path).items()
    }
    resizes = [one for one in report.findings if one.layer.kind != "pooling"]
    assert {one.layer.address: one.verdict == "match" for one in resizes} == right
    is_whole = converted.error(converted.path) <= TOLERANCE[converted.case.precision]
    assert (report.exit_code == 0) == is_whole
    assert any(one.fails for one in report.without_layer) == (converted.case.kind == "folded")
    if converted.case.what.becomes == MENDED:
        assert {one.verdict for one in resizes} <= {"match", "fixable"}


def test_fix(converted, tmp_path):
    becomes, before = converted.case.what.becomes, contents(converted.path)
    target = str(tmp_path / "fixed.mlpackage")
    if becomes in (BEYOND, REFUSED):
        with pytest.raises(UnmatchedError):
            fix(converted.path, converted.intents, output=target)
        assert not os.path.exists(target)
        if becomes == BEYOND:
            check_several(converted, target)
        else:
            with pytest.raises(UnmatchedError):
                fix(converted.path, converted.intents, output=target, decompose=True)
        return
    result = fix(converted.path, converted.intents)
    assert contents(converted.path) == before
    if becomes == RIGHT:
        assert result == converted.path
        assert os.listdir(os.path.dirname(converted.path)) == [os.path.basename(converted.path)]
        return
    after = contents(result)
    assert converted.error(result) <= TOLERANCE[converted.case.precision]
    assert set(after) == set(before)
    assert [name for name in before if before[name] != after[name]] == [MODEL]
    written = (Path(result) / MODEL).read_bytes()
    held = (Path(converted.path) / MODEL).read_bytes()
    assert build.inferred(written, os.path.join(result, os.path.dirname(MODEL), "weights"))
    build.opens(result)
    at_run_time = converted.case.what.lowest == 17
    added = ("shape", "slice_by_index", "mul") if at_run_time else ()
    only_these_differ(held, written, declarations=True, added=added)
    assert fix(result, converted.intents) == result
    assert contents(result) == after
    if converted.case.what.varies:
        for size in ((20, 28), (27, 22), (8, 63)):
            assert converted.error(result, torch.rand(1, 3, *size)) <= 2e-3


def check_several(converted, target):
    """What no single operation computes, several do."""
    report = audit(converted.path, converted.intents)
    told = {one.verdict: one.needs for one in report.findings if one.verdict != "match"}
    assert told == {"needs-option": ("--decompose",)}
    result = fix(converted.path, converted.intents, output=target, decompose=True)
    assert converted.error(result) <= TOLERANCE[converted.case.precision]
    written = (Path(result) / MODEL).read_bytes()
    assert build.inferred(written, os.path.join(result, os.path.dirname(MODEL), "weights"))
    build.opens(result)
    after = contents(result)
    assert fix(result, converted.intents) == result
    assert contents(result) == after


IN_MEMORY = [case for case in CASES if case.what.becomes == MENDED][::2] + [
    case for case in CASES if case.what.becomes == BEYOND
][::3]


@pytest.mark.parametrize("case", IN_MEMORY, ids=lambda case: case.name)
def test_fix_in_memory(case, tmp_path):
    """What the converter gives is fixed without a file, and saved with its weights."""
    made = Converted(case, tmp_path)
    result = fix(made.model, made.intents, decompose=True)
    assert isinstance(result, ct.models.MLModel)
    path = str(tmp_path / "in_memory.mlpackage")
    result.save(path)
    assert made.error(path) <= TOLERANCE[case.precision]
    assert made.error(made.path) > TOLERANCE[case.precision]
