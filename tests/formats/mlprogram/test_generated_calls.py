"""Generated networks of any calls: verdicts, exit codes and fixes against what PyTorch computes."""

import random
import warnings

import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

from coreml_resize_fix import audit, fix
from coreml_resize_fix.errors import UnmatchedError
from tests.formats.mlprogram.test_whole_networks import (
    EXACT,
    TOLERANCE,
    Converted,
    errors_of_resizes,
)
from tests.formats.mlprogram.torch_networks import TARGETS, Case


def made(seed, folder):
    """A converted network, or None if PyTorch or coremltools refuses it."""
    some = random.Random(-seed)
    frontend, precision = some.choice(["trace", "export"]), some.choice(sorted(TOLERANCE))
    case = Case("generated", frontend, some.choice(sorted(TARGETS)), precision, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Converted(case, folder)
        except (ArithmeticError, AssertionError, RuntimeError, ValueError):
            return None  # a size of 0, or a factor that coremltools has no operation for


@pytest.mark.parametrize("seeds", [range(start, start + 8) for start in range(0, 48, 8)])
def test_generated(seeds, tmp_path):
    converted = [one for one in (made(seed, tmp_path) for seed in seeds) if one is not None]
    assert len(converted) >= 2
    for one in converted:
        check(one)


def check(converted):
    precision = converted.case.precision
    report = audit(converted.path, converted.intents)
    right = {
        address: worst <= EXACT
        for address, worst in errors_of_resizes(converted, converted.path).items()
    }
    resizes = [one for one in report.findings if one.layer.kind != "pooling"]
    told = [converted.case.name, [str(one.intent) for one in resizes]]
    assert {one.layer.address: one.verdict == "match" for one in resizes} == right, told
    whole = all(right.values()) and not any(one.fails for one in report.without_layer)
    assert (report.exit_code == 0) == whole, told
    if whole:
        assert converted.error(converted.path) <= 5 * TOLERANCE[precision], told
    try:
        result = fix(converted.path, converted.intents)
    except UnmatchedError:
        left = {one.verdict for one in resizes} - {"match", "fixable"}
        assert left, told
        if left != {"needs-option"} or any(one.fails for one in report.without_layer):
            return
        result = fix(converted.path, converted.intents, decompose=True)
    assert (result == converted.path) == whole, told
    assert converted.error(result) <= 5 * TOLERANCE[precision], told
    assert fix(result, converted.intents) == result
