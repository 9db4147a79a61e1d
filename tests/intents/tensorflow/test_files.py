"""What three versions of TensorFlow wrote: the calls of `make_tensorflow.py`, in its order."""

import json

import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.source import Manifest
from tests.intents.tensorflow import FIXTURES

CALLS = {
    name: calls
    for path in sorted(FIXTURES.glob("*.json"))
    for name, calls in json.loads(path.read_text(encoding="utf-8")).items()
}
# Of these TensorFlow itself knows no size before the resize, or only in a part of the nodes.
UNKNOWN = ("branches", "loop", "skip", "flexible")


def asked(intent):
    """What a call of the table has, of an intent."""
    half = {"tensorflow1": False, "tensorflow2": True}[intent.framework]
    sizes = [size and list(size) for size in (intent.input_size, intent.output_size)]
    return [intent.mode, intent.align_corners, half, intent.antialias, *sizes, intent.channels]


def can_be_said(call):
    """Whether a manifest knows such a call: bicubic, area and antialias where they are known."""
    mode, corners, half, antialias = call[:4]
    entry = {"mode": mode, "align_corners": corners, "antialias": antialias}
    entry["framework"] = "tensorflow2" if half else "tensorflow1"
    try:
        manifest.parse(json.dumps({"format": manifest.FORMAT, "version": 1, "resizes": [entry]}))
    except ManifestError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(CALLS))
def test_calls(name):
    found = Manifest.load(str(FIXTURES / name))
    expected = [call for call in CALLS[name] if can_be_said(call)]
    if "branches.pb" in name:  # as cut into Switch and Merge, the file has `else` first
        expected[:2] = expected[1::-1]
    assert len(found) == len(expected)
    for intent, call in zip(found, expected):
        one = asked(intent)
        assert one[:4] == call[:4]
        for seen, true in zip(one[4:], call[4:]):
            assert seen == true or (seen is None and any(word in name for word in UNKNOWN))
    left_out = sum(int(text.split()[0]) for text in found.notices if "left out" in text)
    assert left_out == len(CALLS[name]) - len(expected) + ("lanczos" in name)


def test_flexible_sizes_are_factors():
    for name in ("1.15-flexible.pb", "2.12-flexible.pb", "2.12-flexible.tflite"):
        found = Manifest.load(str(FIXTURES / name))
        assert [intent.scale_factor for intent in found] == [(2.0, 2.0), (3.0, 2.0)]
        assert [(intent.size, intent.output_size) for intent in found] == [(None, None)] * 2
        assert "2 resize nodes" in found.notices[0]


def test_names():
    aligned = ["aligned", "plain", "near_aligned"]
    for name, last in (("1.15-deeplab.tflite", "result"), ("2.21-deeplab.tflite", "Identity")):
        found = Manifest.load(str(FIXTURES / name))
        assert [intent.name for intent in found] == [*aligned, last]
    found = Manifest.load(str(FIXTURES / "1.15-deeplab.pb"))
    assert [intent.name for intent in found] == [*aligned, "near"]
    found = Manifest.load(str(FIXTURES / "2.12-branches_as_functions.pb"))
    assert [intent.name for intent in found][:1] == ["cond/cond/resize/ResizeBilinear"]


@pytest.mark.parametrize("version", ["2.12", "2.21"])
def test_quantized_is_the_same_call(version):
    found = Manifest.load(str(FIXTURES / "{}-int8.tflite".format(version)))
    plain = Manifest.load(str(FIXTURES / "{}-upsampling.tflite".format(version)))
    assert [intent.request for intent in found] == [intent.request for intent in plain]
    (notice,) = found.notices
    assert "rounds is not compared" in notice
    assert plain.notices == []


def test_toco_drops_the_centers_that_its_graph_has():
    graph = Manifest.load(str(FIXTURES / "1.15-upsampling.pb"))
    lite = Manifest.load(str(FIXTURES / "1.15-upsampling.tflite"))
    assert {intent.framework for intent in graph} == {"tensorflow2"}
    assert {intent.framework for intent in lite} == {"tensorflow1"}
    (notice,) = lite.notices
    assert "2 resize nodes" in notice
    assert "TOCO" in notice


def test_others_are_named_with_their_kernel():
    (notice,) = Manifest.load(str(FIXTURES / "2.12-lanczos.pb")).notices
    assert "`resize/ScaleAndTranslate`" in notice
    assert "`lanczos3`" in notice


def test_what_is_read_can_be_written(tmp_path):
    for path in sorted([*FIXTURES.glob("*.tflite"), *FIXTURES.glob("*.pb")]):
        found = Manifest.load(str(path))
        target = tmp_path / (path.name + ".json")
        found.save(str(target))
        again = Manifest.load(str(target))
        assert [intent.request for intent in again] == [intent.request for intent in found]
