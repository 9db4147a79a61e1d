"""What converters get wrong is told by name, not as a distance alone."""

from dataclasses import replace

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import audit
from coreml_resize_fix.intents.model import Intent
from tests.formats.mlprogram import calls, files

TOLD = {
    "ct9_ml15_aa_half": "antialias is dropped",
    "ct9_ml17_nn_sf2p3": "it steps by input / output size and the call by 1 / scale_factor",
    "ct52_ml15_nn_sf2p3": "22×27 or 23×27",
    "ct9_ml17_acT_sf_rounds_up": "28×28 or 29×29; the intent asks for 28×28",
    "ct72_ml17_acT_sf0p7": "20×20 or 21×21; the intent asks for 21×21",
    "ct9_ex17_range_other_bilF": "the call may have taken that of another tensor",
}


def messages(name, intents):
    return [one.message for one in audit(str(files.package(name)), intents, verify=False).findings]


@pytest.mark.parametrize("name", sorted(TOLD))
def test_a_defect_has_its_name(name):
    (message,) = messages(name, calls.intents(name))
    assert TOLD[name] in message


def test_bilinear_in_the_place_of_bicubic():
    """As users register upsample_bicubic2d, by the advice of coremltools' reviewers."""
    name = "ct9_ml17_equal_calls"
    asked = replace(calls.intents(name)[0], mode="bicubic", layer="main/ops[3]")
    assert "it is bilinear where bicubic was asked for" in messages(name, [asked])[0]


def test_a_resize_of_a_constant_that_is_gone_needs_one():
    """coremltools folds it away, with the wrong grid: no operation is left that could be fixed."""
    name = "ct9_ml17_equal_calls"
    folded = Intent("pos", size=(6, 7), input_size=(4, 5), channels=3)
    report = audit(str(files.package(name)), [*calls.intents(name), folded], verify=False)
    assert list(report.unused) == [folded]
    assert report.exit_code == 1


def test_a_step_that_is_not_all_is_not_told():
    """With another wrong thing the sentence would promise too much."""
    name = "ct9_ml17_nn_sf2p3"
    (asked,) = calls.intents(name)
    for other in (
        replace(asked, mode="nearest-exact"),
        replace(asked, scale_factor=None, size=(23, 27)),
    ):
        (message,) = messages(name, [other])
        assert "scale_factor)" not in message.split("asks for")[1]
