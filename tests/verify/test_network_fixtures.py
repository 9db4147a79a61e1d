"""Whole converted models, executed: as they are, and with PyTorch's own results for their resizes.

meta.json says how far each model was off as converted, computed when the fixtures were made and by
other code. With the recorded tensors in the place of its resizes nothing of that is left.
"""

import os

import numpy as np
import pytest

from coreml_resize_fix.formats.open import open_file
from coreml_resize_fix.formats.sniff import model_file
from coreml_resize_fix.verify.network import execute
from tests.support import cases

HALF = {"legacy_fp16", "ct9_fp16", "legacy_q8", "blog_q4lut"}
# One layer stands for two different calls; two networks that take turns.
NOT_ONE_EACH = {"blog_sim_par_same_TF_merged", "branch_loop"}


def recorded(case):
    path = os.path.join(case.folder, "io.npz")
    return dict(np.load(path)) if os.path.exists(path) else None


NETWORKS = [
    case
    for case in cases.ALL
    if recorded(case) and case.name not in ("blog_custom", "ct9_mlprogram", "branch_loop")
]


def run(case, tensors, replace=None, **more):
    if not case.is_readable:
        pytest.skip("needs coremltools 4 or newer: pip install 'coremltools>=4'")
    with open_file(model_file(case.path), case.name) as model:
        names = model.networks[0].inputs
        return execute(model, {names[0]: tensors["input"]}, replace=replace, **more)


def errors(made, tensors):
    """The largest error of each output, and the largest magnitude; None for another size."""
    assert made.not_run is None
    for number, found in enumerate(made.outputs.values()):
        expected = tensors[f"output{number}"]
        size = found.size == expected.size
        error = np.abs(found.reshape(expected.shape) - expected).max() if size else None
        yield error, np.abs(expected).max()


@pytest.mark.mostly_slow(quick=6)
@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
def test_as_converted(case):
    tensors, told = recorded(case), case.meta.get("error_as_converted")
    made = run(case, tensors)
    if case.name == "legacy_zero":  # a factor of 0
        assert "0x0" in made.not_run.reason
        return
    if isinstance(told, str) and "evaluated" in told:
        assert "do not broadcast" in made.not_run.reason
        return
    found = list(errors(made, tensors))
    if isinstance(told, str):  # another size
        assert found[0][0] is None
    elif told is not None:
        assert max(error for error, _ in found) == pytest.approx(told, rel=1e-4, abs=3e-6)


@pytest.mark.mostly_slow(quick=6)
@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
def test_with_the_resizes_of_pytorch(case):
    if case.name in NOT_ONE_EACH:
        pytest.skip("its layers do not stand for one call each")
    tensors = recorded(case)
    replace = {}
    for layer in case.meta["layers"]:
        if layer["calls"] and f"interp{layer['calls'][0]}_out" in tensors:
            address = layer.get("address", "layers[{}]".format(layer["index"]))
            replace[address] = instead(tensors, layer["calls"][0])
    for error, magnitude in errors(run(case, tensors, replace), tensors):
        assert error <= (2e-2 if case.name in HALF else 1e-4) * magnitude


def instead(tensors, number):
    """A function that checks what a resize gets, and gives what PyTorch made of it."""

    def resize(x):
        given, made = tensors[f"interp{number}_in"], tensors[f"interp{number}_out"]
        lead = x.shape[: x.ndim - given.ndim + 1] if given.ndim > 3 else x.shape[:-1]
        assert x.size == given.size
        assert np.abs(x.reshape(given.shape) - given).max() <= 2e-2 * np.abs(given).max()
        if given.ndim == 3:  # one dimension, as a map of one column or one row
            wide = made.shape[-1]
            return made.reshape(x.shape[:-2] + ((wide, 1) if x.shape[-1] == 1 else (1, wide)))
        return made.reshape((1,) * (len(lead) - 1) + made.shape)

    return resize


PROGRAMS = sorted(os.listdir(os.path.join(cases.FIXTURES, "mlprogram")))


@pytest.mark.parametrize("name", [name for name in PROGRAMS if not name.endswith(".md")])
def test_program_as_converted(name):
    """`executed_error` was computed by a prototype, by either rule of sizes."""
    pytest.importorskip(
        "coremltools", minversion="5.0", reason="needs coremltools: pip install 'coremltools>=5'"
    )
    folder = os.path.join(cases.FIXTURES, "mlprogram", name)
    tensors = dict(np.load(os.path.join(folder, "io.npz")))
    meta = cases.read_json(os.path.join(folder, "meta.json"))
    told, expect = meta["executed_error"], meta["expect"]
    with open_file(model_file(os.path.join(folder, "model.mlpackage")), name) as model:
        (given,) = model.networks[0].inputs
        made = execute(model, {given: tensors["input"]})
    ((error, magnitude),) = errors(made, {"output0": tensors.get("output0", tensors.get("output"))})
    if error is None:
        size = next(iter(made.outputs.values())).shape[-2:]
        assert str(list(size)) in str(told) or "22x27" in expect
        return
    known = [one for one in told.values() if not isinstance(one, str)]
    assert any(error / magnitude == pytest.approx(one, rel=1e-2, abs=2e-6) for one in known)
