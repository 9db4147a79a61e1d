"""Opset 11 or later for the intent, opset 9 for the conversion: the same report as recorded."""

import importlib.util
import os
import sys

import pytest

from coreml_resize_fix import audit, fix
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.onnx import reader
from coreml_resize_fix.intents.onnx.names import module_path
from tests.support.cases import ALL, named
from tests.support.cases import FIXTURES as SHARED
from tests.support.process import start

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
# file -> the case whose network it is
PAIRS = {
    "nearest_t14_o11": "legacy_nearest",
    "nearest_frac_t213_o13": "legacy_nearest_frac",
    "frac_size_t213_o18": "ct9_frac_size",
}


def fixture(name):
    return os.path.join(FIXTURES, name)


def recorded(intent):
    return (intent.mode, intent.align_corners, intent.size, intent.input_size, intent.output_size)


def verdicts(report):
    return [(f.layer.name, f.verdict, f.codes, f.after, f.needs) for f in report.findings]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("name", sorted(PAIRS))
def test_files_say_what_was_recorded(name):
    case = named(PAIRS[name])
    intents, notices = reader.load(fixture(name + ".onnx"))
    assert notices == []
    assert [recorded(i) for i in intents] == [recorded(i) for i in case.intents()]
    assert [i.channels for i in intents] == [i.channels for i in case.intents()]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("name", sorted(PAIRS))
def test_audit_is_the_same(name):
    case = named(PAIRS[name])
    if not case.is_readable:
        pytest.skip("coremltools 3 knows no layers of iOS 14: pip install 'coremltools>=4'")
    by_onnx = audit(case.path, fixture(name + ".onnx"))
    by_record = audit(case.path, case.intents())
    assert verdicts(by_onnx) == verdicts(by_record)
    assert not by_onnx.unused
    assert all(finding.intent is not None for finding in by_onnx.findings)


def test_names_match_across_the_two_exports():
    """The converted file names its layers by module, and so do the intents."""
    report = audit(fixture("mixed_t213.mlmodel"), fixture("mixed_t213_o11.onnx"))
    assert [f.layer.name for f in report.findings] == ["/up1/Upsample", "/up2/Upsample"]
    assert [f.intent.name for f in report.findings] == ["up1", "up2"]
    assert [f.intent.align_corners for f in report.findings] == [True, False]
    assert report.findings[0].verdict == "fixable"


def test_opset_9_alone_says_so():
    """Read as its own manifest, the file that was converted gives no intent and says why."""
    path = fixture("mixed_t213_o9.onnx")
    intents, notices = reader.load(path)
    assert intents == []
    assert "2 resize nodes (`/up1/Upsample`, `/up2/Upsample`)" in notices[0]


CONVERTED = [case for case in ALL if os.path.exists(os.path.join(case.folder, "model.onnx"))]


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("case", CONVERTED, ids=lambda case: case.name)
def test_files_that_were_converted(case):
    """Of opset 9, all from PyTorch: each nearest call is read, and no bilinear one is guessed."""
    intents, notices = reader.load(os.path.join(case.folder, "model.onnx"))
    calls = {(c["mode"], tuple(c["input_hw"]), tuple(c["output_hw"])) for c in case.calls}
    for intent in intents:
        assert (intent.mode, intent.input_size, intent.output_size) in calls
        assert intent.is_nearest or case.name == "t17_ct52_o11_sf2_acT"
    if any(call["mode"] == "bilinear" and call["used"] for call in case.calls):
        assert len(notices) == (case.name != "t17_ct52_o11_sf2_acT")


def test_onnx_intents_can_be_written_as_a_manifest(tmp_path):
    from coreml_resize_fix.intents.source import Manifest

    read = reader.load(fixture("nearest_frac_t213_o13.onnx")).intents
    path = str(tmp_path / "intent.json")
    Manifest(read).save(path)
    assert [i.request for i in manifest.load(path)] == [i.request for i in read]


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("/decoder.0/up/Resize", "decoder.0.up"),
        ("/head/head.1/Resize", "head.1"),
        ("/up_1/Resize", "up_1"),
        ("/a/a.0/a.0.b/Resize_2", "a.0.b"),
        ("/Resize_1", ""),
        ("Resize_25", ""),
        ("", ""),
        ("node_upsample_bilinear2d", ""),
    ],
)
def test_module_path(node, path):
    assert module_path(node) == path


CONVERT = """
import sys, onnx
from onnx_coreml import convert
spec = convert(onnx.load(sys.argv[1]), minimum_ios_deployment_target="12").get_spec()
open(sys.argv[2], "wb").write(spec.SerializeToString())
"""


@pytest.mark.parametrize("network", ["enlarge_mixed", "nearest", "shrink"])
def test_the_whole_way(network, tmp_path):
    """A network that is exported twice, converted, and fixed by its other export."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    if importlib.util.find_spec("onnx_coreml") is None:
        pytest.skip("needs onnx-coreml: Python 3.7, pip install onnx-coreml==1.2")
    from tests.intents.onnx.exporting import export

    sys.path.insert(0, SHARED)
    try:
        import networks
    finally:
        sys.path.remove(SHARED)
    model = networks.build(network)
    x = networks.sample_input(networks.NETWORKS[network].input_shape)
    calls = networks.record(model, x).calls
    intent = export(model, x, tmp_path / "intent.onnx", 11)
    networks.make_exportable(model, calls)
    other = export(model, x, tmp_path / "other.onnx", 9)
    path = str(tmp_path / "model.mlmodel")
    # PyTorch 1.4 and the converter in one process end it.
    child = start(CONVERT, other, path)
    assert os.path.exists(path), child.stderr
    report = audit(path, intent)
    assert len(report.findings) == len(calls)
    assert [f.intent.align_corners for f in report.findings] == [
        bool(call["align_corners"]) for call in calls
    ]
    assert [list(f.intent.output_size) for f in report.findings] == [
        call["output_hw"] for call in calls
    ]
    if network == "shrink":
        result = fix(path, intent)
        assert audit(result, intent).exit_code == 0
    assert torch.__version__
