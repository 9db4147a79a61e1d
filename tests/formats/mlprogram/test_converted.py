"""Networks converted from PyTorch: what is read of them computes what PyTorch did, and edits hold.

`tests/fixtures/make_mlprogram.py` converts more of them; here every network meets both frontends,
every iOS and both precisions at least once.
"""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram.inventory import AvgPool
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.shapes import Known
from tests.formats.mlprogram import build
from tests.formats.mlprogram.editing import rewritten
from tests.formats.mlprogram.test_edits import as_coremltools_infers, only_these_differ
from tests.support.cases import FIXTURES

sys.path.insert(0, FIXTURES)
import make_mlprogram

# Of each network two of its eight cases, another pair each time.
CASES = [
    case
    for index, case in enumerate(make_mlprogram.CASES)
    if index % 8 in (index // 8 % 4, 4 + (index // 8 + 2) % 4)
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def converted(request, tmp_path_factory):
    package = make_mlprogram.convert(request.param, tmp_path_factory.mktemp("converted"))
    folder = package / "Data" / "com.apple.CoreML"
    data = (folder / "model.mlmodel").read_bytes()
    intents = json.loads((package.parent / "intent.json").read_text(encoding="utf-8"))
    with np.load(package.parent / "io.npz") as tensors:
        return package, data, intents, dict(tensors)


def resizes(data):
    found = []

    def collect(resize, shapes):
        if not isinstance(resize.params, AvgPool):
            found.append((resize, shapes.layers[resize.address]))

    rewritten(data, collect)
    return found


def test_what_is_read_computes_what_pytorch_did(converted):
    _, data, intents, tensors = converted
    needed = [one for one in intents if one["input_hw"] != one["output_hw"]]
    found = resizes(data)
    assert len(found) == len(needed) > 0
    for intent, (resize, shapes) in zip(needed, found):
        given, made = (tensors["interp{}_{}".format(intent["index"], end)] for end in ("in", "out"))
        before, after = tuple(intent["input_hw"]), tuple(intent["output_hw"])
        assert shapes.outputs == (Known(made.shape),)
        assert resize.params.may_make(before, after)
        assert not resize.params.size_depends_on_rounding(before)
        assert resize.params.copies_nearest == (intent["mode"] == "nearest")
        np.testing.assert_allclose(resize.params.run(given, after), made, atol=1e-4)


def test_another_grid(converted):
    """Every resize becomes another operation; coremltools infers and opens the result."""
    package, data, _, _ = converted

    def chosen(resize, shapes):
        if isinstance(resize.params, AvgPool):
            return None
        here = shapes.layers[resize.address]
        before, after = here.inputs[0].dims[-2:], here.outputs[0].dims[-2:]
        if all(size == 2 * given for given, size in zip(before, after)):
            return UpsampleNearest(2, 2)
        return ResizeBilinear(*after, "UNALIGN_CORNERS")

    result, _, _ = rewritten(data, chosen)
    weights = package / "Data" / "com.apple.CoreML" / "weights"
    assert as_coremltools_infers(result, str(weights))
    only_these_differ(data, result, declarations=False)
    held = (weights / "weight.bin").read_bytes()
    (weights.parent / "model.mlmodel").write_bytes(result)
    build.opens(package)
    assert (weights / "weight.bin").read_bytes() == held
    (weights.parent / "model.mlmodel").write_bytes(data)


def test_another_size_at_the_end(converted):
    """The last resize makes another size; what follows and the description say so."""
    package, data, _, _ = converted
    last = resizes(data)[-1][0].address

    def chosen(resize, shapes):
        return ResizeBilinear(21, 35, "STRICT_ALIGN_CORNERS") if resize.address == last else None

    result, _, planned = rewritten(data, chosen)
    if planned["main"].conflicts:  # a level is joined with others
        assert "does not fit" in planned["main"].conflicts[0].message
        return
    weights = package / "Data" / "com.apple.CoreML" / "weights"
    assert as_coremltools_infers(result, str(weights))
    (made,) = planned["main"].outputs.values()
    assert made.dims[-2:] == (21, 35)
    only_these_differ(data, result, declarations=True)
