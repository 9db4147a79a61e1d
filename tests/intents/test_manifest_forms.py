"""Manifests that are right: what each form and field means."""

import json

import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent

LONG = {
    "format": "coreml-resize-fix/intent",
    "version": 1,
    "producer": {"framework": "torch", "version": "1.4.0"},
    "resizes": [],
}


def long_form(*resizes, **changes):
    return dict(LONG, resizes=list(resizes), **changes)


def read(document):
    return manifest.parse(json.dumps(document))


def only(document):
    (intent,) = read(document)
    return intent


def test_every_field_of_the_long_form_arrives():
    entry = {
        "name": "decoder.up1",
        "layer": "Upsample_12",
        "framework": "torch",
        "mode": "bicubic",
        "align_corners": True,
        "antialias": True,
        "size": None,
        "scale_factor": [2.5, 3],
        "recompute_scale_factor": False,
        "input_size": [10, 12],
        "output_size": [25, 36],
        "channels": 16,
    }
    assert only(long_form(entry)) == Intent(
        name="decoder.up1",
        layer="Upsample_12",
        framework="torch",
        framework_version="1.4.0",
        mode="bicubic",
        align_corners=True,
        antialias=True,
        size=None,
        scale_factor=(2.5, 3.0),
        recompute_scale_factor=False,
        input_size=(10, 12),
        output_size=(25, 36),
        channels=16,
        index=0,
    )


def test_short_form_is_keyed_by_layer_and_bilinear_unless_given():
    found = read({"up1": {"align_corners": True, "size": [25, 31]}, "46": {"mode": "nearest"}})
    assert found == [
        Intent(layer="up1", mode="bilinear", align_corners=True, size=(25, 31)),
        Intent(layer="46", mode="nearest"),
    ]


@pytest.mark.parametrize("null", [False, True], ids=["absent", "null"])
def test_defaults(null):
    keys = ("mode", "align_corners", "antialias", "size", "scale_factor", "channels", "framework")
    entry = dict.fromkeys(keys) if null else {}
    found = only({"up": entry})
    assert (found.mode, found.align_corners, found.antialias) == ("bilinear", False, False)
    assert (found.size, found.scale_factor, found.channels) == (None, None, None)
    assert found.framework == "torch"


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("size", 7, (7, 7)),
        ("size", [1, 65536], (1, 65536)),
        ("size", [25.0, 31], (25, 31)),
        ("scale_factor", 2, (2.0, 2.0)),
        ("scale_factor", [0.5, 3], (0.5, 3.0)),
        ("scale_factor", 1e-3, (0.001, 0.001)),
        ("input_size", 9, (9, 9)),
        ("channels", 3.0, 3),
        ("mode", "nearest-exact", "nearest-exact"),
        ("mode", "area", "area"),
    ],
)
def test_spellings_of_one_value(key, written, meant):
    value = getattr(only({"up": {key: written}}), key)
    assert value == meant
    assert type(value) is type(meant)


def test_what_may_be_left_out_of_the_long_form():
    found = only({"resizes": [{"size": [4, 4]}]})
    assert found == Intent(size=(4, 4), index=0)


def test_no_entries_are_no_intents():
    assert read({}) == []
    assert read(long_form()) == []


@pytest.mark.parametrize("framework", ["torch", "tensorflow1", "tensorflow2", "keras", "opencv"])
def test_framework_of_the_producer_and_of_the_entry(framework):
    by_producer = long_form({"size": [4, 4]}, producer={"framework": framework})
    assert only(by_producer).framework == framework
    assert only({"up": {"framework": framework}}).framework == framework
    other = "opencv" if framework != "opencv" else "torch"
    both = long_form({"size": [4, 4], "framework": framework}, producer={"framework": other})
    assert only(both).framework == framework


def test_version_belongs_to_the_producers_framework_only():
    producer = {"framework": "keras", "version": "1.2"}
    found = read(long_form({}, {"framework": "torch"}, producer=producer))
    assert [intent.framework_version for intent in found] == ["1.2", None]


@pytest.mark.parametrize(
    ("entry", "label"),
    [
        ({"name": "up", "layer": "12"}, "up"),
        ({"layer": "12"}, "12"),
        ({}, "resizes[1]"),
        ({"name": ""}, "resizes[1]"),
    ],
)
def test_label(entry, label):
    assert read(long_form({"name": "first"}, entry))[1].label == label


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_file_in_utf_8(tmp_path, mark):
    path = tmp_path / "intent.json"
    path.write_bytes(mark + '{"übergröße": {"size": [4, 4]}}'.encode())
    (intent,) = manifest.load(str(path))
    assert intent.layer == "übergröße"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.0", (1, 4)),
        ("2.13.0+cpu", (2, 13)),
        ("1.12", (1, 12)),
        ("newest", None),
        ("1.²", None),
        ("².4", None),
        ("", None),
    ],
)
def test_versions_decide_what_a_scale_factor_samples(version, expected):
    """7 pixels times 1.5: X / N up to 1.4 and by default in 1.5, 1 / 1.5 from 1.6 on."""
    intent = only(long_form({"scale_factor": 1.5}, producer={"version": version}))
    step = intent.axes((7, 7), (10, 10))[0].step
    assert step == (None if expected == (1, 4) else 1 / 1.5)


@pytest.mark.parametrize(
    ("entry", "input_size", "target"),
    [
        ({"size": [25, 31]}, (10, 12), (25, 31)),
        ({"scale_factor": 2.5}, (10, 12), (25, 30)),
        ({"scale_factor": 2.5, "input_size": [4, 4]}, (10, 12), (25, 30)),
        ({"scale_factor": 2.5, "input_size": [4, 4]}, None, (10, 10)),
        ({"output_size": [9, 9]}, (10, 12), (9, 9)),
        ({}, (10, 12), None),
        ({"scale_factor": 2.5}, None, None),
    ],
)
def test_target_size(entry, input_size, target):
    assert only({"up": entry}).target_size(input_size) == target


ONNX = {
    "framework": "onnx",
    "mode": "bicubic",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "ceil",
    "cubic_coeff_a": -0.5,
    "exclude_outside": True,
}


def test_fields_of_onnx():
    assert only({"up": ONNX}) == Intent(layer="up", **ONNX)


@pytest.mark.parametrize(
    "entry", [{"name": "up", "scale_factor": [2, 3], "input_size": [4, 5], "channels": 6}, ONNX]
)
def test_intent_round_trips_through_its_dict(entry):
    intent = only(long_form(entry, producer=None))
    assert only(long_form(intent.as_dict(), producer=None)) == intent


def load_error(path):
    with pytest.raises(ManifestError) as caught:
        manifest.load(str(path))
    assert caught.value.hint
    return caught.value.message


def test_files_that_are_no_manifest(tmp_path):
    missing, folder = tmp_path / "missing.json", tmp_path
    assert load_error(missing) == "cannot read the manifest `{}`: no such file or directory".format(
        missing
    )
    assert "is a directory" in load_error(folder)
    latin = tmp_path / "latin.json"
    latin.write_bytes(b'{"\xfc": 1}')
    assert load_error(latin) == "the manifest `{}` is not UTF-8 text (byte 2)".format(latin)
