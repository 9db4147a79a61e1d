"""Manifests that are wrong: every defect at once, each with its JSON path."""

import json

import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents import manifest

MODES = "nearest, nearest-exact, bilinear, bicubic, area"
FRAMEWORKS = "torch, tensorflow1, tensorflow2, keras, opencv, onnx"
SIZE = "expected [height, width] as whole numbers from 1 to 65536, not "
FACTOR = "expected a factor above 0 and up to 65536, or [height, width] of two, not "
BOOLEAN = "expected true, false or null, not "
WHOLE = "expected a whole number above 0, not "
TOP = "known keys: format, version, producer, resizes"


def defects_of(text):
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text, "intent.json")
    return list(caught.value.defects)


# Text of a manifest → all of its defects.
DOCUMENTS = [
    ("[]", ["$: a manifest is a JSON object, not a list"]),
    ("3", ["$: a manifest is a JSON object, not `3`"]),
    ("null", ["$: a manifest is a JSON object, not null"]),
    ('{"up": 3}', ["$.up: expected an object, not `3`"]),
    ('{"up": null}', ["$.up: expected an object, not null"]),
    ('{"up": {"size": [4, 4]}, "up": {}}', ["$.up: this key appears twice"]),
    (
        '{"up": {"size": 1, "mode": "area", "size": 1, "mode": "area"}}',
        ["$.up.mode: this key appears twice", "$.up.size: this key appears twice"],
    ),
    ('{"a b/c": {"sise": 4}}', ['$["a b/c"].sise: unknown key; did you mean `size`?']),
    ('{"7": {"name": "x"}}', ['$["7"].name: unknown key; did you mean `mode`?']),
    (
        '{"version": 1}',
        ["$.resizes: a list of resizes is expected, and it is missing"],
    ),
    (
        '{"format": "onnx", "version": 2, "producer": [], "resizes": {}}',
        [
            "$.format: expected `coreml-resize-fix/intent`, not `'onnx'`",
            "$.version: this tool reads version 1, not `2`",
            "$.producer: expected an object, not a list",
            "$.resizes: a list of resizes is expected, and it is an object",
        ],
    ),
    (
        '{"format": null, "version": true, "resizes": [], "resize": []}',
        [
            "$.resize: unknown key; did you mean `resizes`?",
            "$.format: expected `coreml-resize-fix/intent`, not null",
            "$.version: this tool reads version 1, not a boolean (true)",
        ],
    ),
    ('{"resizes": [], "zzz": 1}', ["$.zzz: unknown key; " + TOP]),
    ('{"resizes": [], "resizes": []}', ["$.resizes: this key appears twice"]),
    (
        '{"resizes": [], "producer": {"framework": "mxnet", "version": 1.4, "verion": ""}}',
        [
            "$.producer.verion: unknown key; did you mean `version`?",
            "$.producer.framework: expected one of {}, not `'mxnet'`".format(FRAMEWORKS),
            '$.producer.version: expected a version as text, such as "1.4.0", not `1.4`',
        ],
    ),
    (
        '{"resizes": [{"name": 1, "layer": 2}, 7, {"align_corner": true, "size": [0, 4]}]}',
        [
            "$.resizes[0].name: expected text, not `1`",
            "$.resizes[0].layer: expected a layer's name, output blob or address, as text, not `2`",
            "$.resizes[1]: expected an object, not `7`",
            "$.resizes[2].align_corner: unknown key; did you mean `align_corners`?",
            "$.resizes[2].size: " + SIZE + "a list",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS, ids=[text for text, _ in DOCUMENTS])
def test_documents(text, expected):
    assert defects_of(text) == expected


# One wrong field of an entry → the rest of its defect.
FIELDS = [
    ("mode", '"linear"', "expected one of {}, not `'linear'`".format(MODES)),
    (
        "mode",
        '"lanczos3"',
        f"expected one of {MODES}, not `'lanczos3'`; this filter of tf.image.resize is not "
        "compared: resize with bilinear or bicubic in the network, with antialias where it is made "
        "smaller, or leave the entry out",
    ),
    ("mode", "[]", "expected one of {}, not a list".format(MODES)),
    ("framework", '"pytorch"', "expected one of {}, not `'pytorch'`".format(FRAMEWORKS)),
    ("align_corners", "1", BOOLEAN + "`1`"),
    ("align_corners", '"true"', BOOLEAN + "`'true'`"),
    ("antialias", "0", BOOLEAN + "`0`"),
    ("recompute_scale_factor", "{}", BOOLEAN + "an object"),
    ("size", "true", SIZE + "a boolean (true)"),
    ("size", "0", SIZE + "`0`"),
    ("size", "-4", SIZE + "`-4`"),
    ("size", "65537", SIZE + "`65537`"),
    ("size", "25.5", SIZE + "`25.5`"),
    ("size", '"25x31"', SIZE + "`'25x31'`"),
    ("size", "[25]", SIZE + "a list"),
    ("size", "[25, 31, 1]", SIZE + "a list"),
    ("size", "[25, null]", SIZE + "a list"),
    ("size", "NaN", SIZE + "`nan`"),
    ("size", "1" * 60, SIZE + "`" + "1" * 37 + "…`"),
    ("input_size", "[]", SIZE + "a list"),
    ("output_size", "Infinity", SIZE + "`inf`"),
    ("scale_factor", "0", FACTOR + "`0`"),
    ("scale_factor", "-2.0", FACTOR + "`-2.0`"),
    ("scale_factor", "NaN", FACTOR + "`nan`"),
    ("scale_factor", "-Infinity", FACTOR + "`-inf`"),
    ("scale_factor", "1e400", FACTOR + "`inf`"),
    ("scale_factor", "1" + "0" * 400, FACTOR + "`1" + "0" * 36 + "…`"),
    ("scale_factor", "65537", FACTOR + "`65537`"),
    ("scale_factor", "[2, NaN]", FACTOR + "a list"),
    ("scale_factor", "true", FACTOR + "a boolean (true)"),
    ("channels", "0", WHOLE + "`0`"),
    ("channels", "1.5", WHOLE + "`1.5`"),
    ("channels", "true", WHOLE + "a boolean (true)"),
    ("channels", "[3]", WHOLE + "a list"),
    (
        "coordinate_transformation_mode",
        '"tf_crop_and_resize"',
        "expected one of half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, "
        "asymmetric, tf_half_pixel_for_nn, not `'tf_crop_and_resize'`",
    ),
    (
        "nearest_mode",
        '"round"',
        "expected one of round_prefer_floor, round_prefer_ceil, floor, ceil, not `'round'`",
    ),
    ("cubic_coeff_a", '"-0.75"', "expected a number, not `'-0.75'`"),
    ("exclude_outside", "1", BOOLEAN + "`1`"),
]


@pytest.mark.parametrize(("key", "value", "expected"), FIELDS)
def test_fields(key, value, expected):
    entry = '{"' + key + '": ' + value + "}"
    assert defects_of('{"up": ' + entry + "}") == ["$.up.{}: {}".format(key, expected)]
    in_long = defects_of('{"resizes": [{}, ' + entry + "]}")
    assert in_long == ["$.resizes[1].{}: {}".format(key, expected)]


def test_a_wrong_field_makes_no_contradiction_with_what_stands_in_for_it():
    entry = {"framework": "pytorch", "mode": "bicubic"}
    document = {"producer": {"framework": "keras"}, "resizes": [entry]}
    assert [defect.split(":")[0] for defect in defects_of(json.dumps(document))] == [
        "$.resizes[0].framework"
    ]


def test_a_wrong_field_hides_no_other_entry_and_no_intent_comes_of_it():
    text = json.dumps({"a": {"size": 0}, "b": {"mode": "x"}, "c": {"size": [4, 4]}})
    assert [defect.split(":")[0] for defect in defects_of(text)] == ["$.a.size", "$.b.mode"]


@pytest.mark.parametrize(
    ("text", "count"), [('{"a": 1}', "1 defect"), ('{"a": 1, "b": 2}', "2 defects")]
)
def test_message_names_the_file_and_counts(text, count):
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text, "intent.json")
    assert caught.value.message == "`intent.json` has " + count
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("", "`intent.json` is not JSON: expecting value: line 1 column 1 (char 0)"),
        ('{"a": }', "`intent.json` is not JSON: expecting value: line 1 column 7"),
        ('{"a": 1} x', "`intent.json` is not JSON: extra data: line 1 column 10"),
        ("{'a': 1}", "`intent.json` is not JSON: expecting property name"),
        ("[" * 200000, "`intent.json` is nested too deep to be a manifest"),
        ('{"a":' * 200000, "`intent.json` is nested too deep to be a manifest"),
    ],
    ids=["empty", "no value", "more text", "quotes", "deep lists", "deep objects"],
)
def test_text_that_is_not_json(text, starts):
    with pytest.raises(ManifestError) as caught:
        manifest.parse(text, "intent.json")
    assert caught.value.message.startswith(starts)
    assert caught.value.hint
    assert not caught.value.defects


def test_a_number_with_thousands_of_digits_is_a_defect_or_no_json():
    """Python refuses to read it as a number, from 3.11 on and in earlier security fixes."""
    with pytest.raises(ManifestError):
        manifest.parse('{"up": {"size": ' + "1" * 5000 + "}}")
