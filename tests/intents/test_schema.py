"""The JSON Schema that ships with the package and the reader agree; docs/manifest.md has it all."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coreml_resize_fix
from coreml_resize_fix.conventions import tensorflow
from coreml_resize_fix.intents import manifest, model
from tests.support import cases

PACKAGE = Path(coreml_resize_fix.__file__).parent
SCHEMA = json.loads((PACKAGE / "intents" / "intent.schema.json").read_text(encoding="utf-8"))
DOCS = Path(__file__).parents[2] / "docs" / "manifest.md"

LONG = SCHEMA["definitions"]["long"]["properties"]
PRODUCER = LONG["producer"]["properties"]
RESIZE = SCHEMA["definitions"]["resize"]["properties"]
ENTRY = SCHEMA["definitions"]["entry"]["properties"]

# What JSON Schema cannot say: fields that are right alone and contradict each other.
CONTRADICTION = re.compile(
    "exclude each other|contradicts|goes with bilinear|this factor makes|has no meaning with|"
    "is known for|is not known for|has no `"
)


@pytest.fixture(scope="module")
def schema_accepts():
    validators = pytest.importorskip(
        "jsonschema", reason="the schema is checked with jsonschema (`pip install jsonschema`)"
    )
    validators.Draft7Validator.check_schema(SCHEMA)
    return validators.Draft7Validator(SCHEMA).is_valid


def defects_of(document):
    defects = []
    manifest.from_document(document, defects)
    return defects


def check(document, schema_accepts):
    """Both accept, both refuse, or only the reader refuses and for a contradiction."""
    defects = defects_of(document)
    if schema_accepts(document):
        assert all(CONTRADICTION.search(what) for _, what in defects), (document, defects)
    else:
        assert defects, document


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"up": {}},
        {"up": {"size": [4, 4], "mode": "nearest"}},
        {"resizes": []},
        {"format": "coreml-resize-fix/intent", "version": 1, "producer": None, "resizes": [{}]},
        {"producer": {}, "resizes": [{"name": "x", "layer": None}]},
        {"resizes": [dict.fromkeys(RESIZE)]},
    ]
    + [case.document() for case in cases.ALL],
)
def test_both_accept(document, schema_accepts):
    assert schema_accepts(document)
    assert not defects_of(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        {"up": None},
        {"up": {"name": "x"}},
        {"up": {"layer": "x"}},
        {"up": {"Size": 4}},
        {"format": {}},
        {"version": 1},
        {"resizes": None},
        {"resizes": {}, "version": 1},
        {"resizes": [], "version": 2},
        {"resizes": [], "version": True},
        {"resizes": [], "format": None},
        {"resizes": [], "producer": "torch"},
        {"resizes": [], "producer": {"version": 1.4}},
        {"resizes": [], "up": {}},
        {"resizes": [[]]},
    ],
)
def test_both_refuse(document, schema_accepts):
    assert not schema_accepts(document)
    assert defects_of(document)


ONNX_FIELDS = (
    "coordinate_transformation_mode",
    "nearest_mode",
    "cubic_coeff_a",
    "exclude_outside",
)
FRAMEWORKS = ["torch", "tensorflow1", "tensorflow2", "keras", "opencv", "onnx"]
ONNX = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
ONNX += ["tf_half_pixel_for_nn", "tf_crop_and_resize"]
ONNX += ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]
MODES = ["nearest", "nearest-exact", "bilinear", "bicubic", "area"]
NUMBERS = [-1, 0, 0.0, 1, 1.0, 2, 1.5, 4.0, 65536, 65537, 1e-300, 1e300, 10**30]
CHOICES = [None, True, False, "", "x"] + FRAMEWORKS + MODES + ONNX + NUMBERS
ATOMS = st.sampled_from(CHOICES)
VALUES = ATOMS | st.lists(ATOMS, max_size=3) | st.fixed_dictionaries({}) | st.floats(0.1, 9)
KEYS = st.sampled_from(sorted(RESIZE) + ["Mode", "", "scale"])
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=4)
SIZES = st.lists(st.integers(1, 9), min_size=2, max_size=2)
RIGHT = st.fixed_dictionaries(
    {
        "framework": st.sampled_from(FRAMEWORKS + [None]),
        "mode": st.sampled_from(MODES),
        "align_corners": st.none() | st.booleans(),
        "antialias": st.booleans(),
        "size": st.none() | SIZES,
        "scale_factor": st.none() | st.sampled_from([2, 0.1, [1.5, 3]]),
        "recompute_scale_factor": st.none() | st.booleans(),
        "input_size": st.none() | SIZES,
        "output_size": st.none() | SIZES,
        "channels": st.none() | st.integers(1, 9),
    }
)
SHORT = st.dictionaries(st.sampled_from(["up", "7", "", "format"]), ENTRIES | RIGHT | ATOMS)
PRODUCERS = st.dictionaries(st.sampled_from(["framework", "version", "x"]), ATOMS)


@st.composite
def long_documents(draw):
    parts = {
        "format": ATOMS | st.just("coreml-resize-fix/intent"),
        "version": ATOMS,
        "producer": ATOMS | PRODUCERS,
        "resizes": st.lists(ENTRIES | RIGHT | ATOMS, max_size=2),
        "up": ENTRIES,
    }
    keys = draw(st.sets(st.sampled_from(sorted(parts)), max_size=3)) | {"resizes"}
    return {key: draw(parts[key]) for key in sorted(keys)}


@pytest.mark.slow
@settings(max_examples=400)
@given(document=SHORT | long_documents() | VALUES)
def test_generated_documents(document, schema_accepts):
    check(document, schema_accepts)


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("key", sorted(RESIZE) + ["Mode", "scale"])
def test_one_field_alone(key, schema_accepts):
    """One field contradicts nothing, so both give the same answer."""
    onnx = {"framework": "onnx"} if key in ONNX_FIELDS else {}
    values = CHOICES + [[one, other] for one in NUMBERS for other in NUMBERS + [True, None]]
    for value in values + [[], [4], [4, 4, 4], {}]:
        entry = dict(onnx, **{key: value})
        assert schema_accepts({"resizes": [entry]}) == (not defects_of({"resizes": [entry]})), value


def test_every_field_of_the_schema_is_described():
    definitions = SCHEMA["definitions"]
    for properties in (LONG, PRODUCER, RESIZE, ENTRY):
        for name, rules in properties.items():
            rules = definitions[name] if "$ref" in rules else rules
            assert len(rules["description"]) > 15, name


def test_an_entry_of_the_short_form_has_the_same_fields_without_name_and_layer():
    without = {key: RESIZE[key] for key in RESIZE if key not in ("name", "layer")}
    assert without == ENTRY


def documented(head):
    """First column of the table in docs/manifest.md whose first heading is `head`."""
    lines = iter(DOCS.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith("| {}".format(head) + " |"))
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1].strip().strip("`"))
    return rows


@pytest.mark.parametrize(
    ("head", "properties"),
    [("field", LONG), ("field of `producer`", PRODUCER), ("field of a resize", RESIZE)],
)
def test_docs_list_every_field(head, properties):
    assert documented(head) == list(properties)


def test_docs_list_every_framework():
    enum = [name for name in SCHEMA["definitions"]["framework"]["enum"] if name]
    assert documented("`framework` | bilinear") == enum == list(model.FRAMEWORKS)
    assert {framework for framework, *_ in tensorflow.CONVENTIONS} <= set(enum)


def test_examples_of_the_docs_are_manifests():
    blocks = re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    found = [manifest.parse(block) for block in blocks]
    assert [len(intents) for intents in found] == [3, 2, 1]
    assert [intent.layer for intent in found[0]] == ["34", "46", "pipeline[1]/layers[12]"]
    assert found[1][0].framework_version == "1.4.0"
