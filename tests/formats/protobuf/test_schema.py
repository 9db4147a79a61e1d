"""The border to coremltools: its classes without its start-up code, and what is said if not."""

import importlib.util
import os

import pytest

from coreml_resize_fix.errors import SchemaError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.run import pipeline
from tests.support import cases
from tests.support.process import WITHOUT_TORCH, answer

LOADED = """
import json, sys
from coreml_resize_fix.formats.protobuf import schema
model = schema.model_class()(specificationVersion=4)
layer = schema.layer_class()(name="x")
feature = schema.feature_class()(name="y")
print(json.dumps({
    "names": [type(m).DESCRIPTOR.full_name for m in (model, layer, feature)],
    "modules": sorted({"coremltools", "torch", "numpy", "onnx"} & set(sys.modules)),
}))
"""
NAMES = [
    "CoreML.Specification.Model",
    "CoreML.Specification.NeuralNetworkLayer",
    "CoreML.Specification.FeatureDescription",
]

FIX = """
import json, os, sys

os.chdir(sys.argv[2])

def fix(output):
    from coreml_resize_fix.run import pipeline
    from coreml_resize_fix.intents.model import Intent
    ask = Intent(align_corners=True, size=(30, 24))
    report = pipeline.process(sys.argv[1], pipeline.Request(manifest=[ask], output=output))
    return [report.exit_code, [finding.verdict for finding in report.findings]]

def read(path):
    import coremltools
    spec = coremltools.utils.load_spec(path)
    return [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]
"""
FIXED = [0, ["fixed"]]
LAYERS = ["convolution", "activation", "resizeBilinear", "convolution"]

REFUSED = """
import json
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.errors import SchemaError
try:
    schema.model_class()
except SchemaError as error:
    print(json.dumps([error.message, error.hint]))
"""


def fake(folder, init, proto=None):
    """A folder to import a coremltools from that consists of these files."""
    package = folder / "coremltools"
    package.mkdir()
    (package / "__init__.py").write_text(init)
    if proto is not None:
        (package / "proto").mkdir()
        (package / "proto" / "__init__.py").write_text("")
        (package / "proto" / "Model_pb2.py").write_text(proto)
    return str(folder)


def test_the_classes_load_without_coremltools():
    assert answer(LOADED) == {"names": NAMES, "modules": []}


def test_the_start_up_code_of_coremltools_is_not_run(tmp_path):
    folder = fake(tmp_path, "raise RuntimeError('this must not run')")
    real = os.path.dirname(importlib.util.find_spec("coremltools").origin)
    os.symlink(os.path.join(real, "proto"), str(tmp_path / "coremltools" / "proto"))
    assert answer(LOADED, path=[folder])["names"] == NAMES


ORDERS = {
    "never": "print(json.dumps([fix('a.mlmodel')]))",
    "first": "import coremltools; print(json.dumps([fix('a.mlmodel'), read('a.mlmodel')]))",
    "afterwards": "print(json.dumps([fix('a.mlmodel'), read('a.mlmodel'), fix('b.mlmodel')]))",
}


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("never", [FIXED]),
        ("first", [FIXED, LAYERS]),
        ("afterwards", [FIXED, LAYERS, FIXED]),
    ],
)
def test_coremltools_may_be_imported_at_any_time(order, expected, tmp_path):
    model = cases.named("blog_hint_acT").path
    code = WITHOUT_TORCH + FIX + ORDERS[order]
    assert answer(code, model, str(tmp_path)) == expected


IMPORTED = """
import json
import coremltools
from coremltools.proto import Model_pb2, NeuralNetwork_pb2
from coreml_resize_fix.formats.protobuf import schema
ours = [schema.model_class(), schema.layer_class()]
theirs = [Model_pb2.Model, NeuralNetwork_pb2.NeuralNetworkLayer]
print(json.dumps([one is other for one, other in zip(ours, theirs)]))
"""


@pytest.mark.slow
def test_the_classes_are_those_of_a_coremltools_that_is_imported_already():
    assert answer(WITHOUT_TORCH + IMPORTED) == [True, True]


def test_a_missing_coremltools():
    # -S: without site-packages.
    assert answer(REFUSED, options=["-S"]) == [
        "coremltools is not installed, and its schema is needed to read a model",
        "install it with `pip install coremltools`",
    ]


def test_a_module_that_only_has_its_name(tmp_path):
    (tmp_path / "coremltools.py").write_text("")
    fact, _ = answer(REFUSED, path=[str(tmp_path)])
    assert fact == "coremltools is not installed, and its schema is needed to read a model"


GENERATED = {
    "generated for an older protobuf": (
        "raise TypeError('Descriptors cannot be created directly.\\nIf this call came from …')",
        "Descriptors cannot be created directly.",
    ),
    "generated for a newer protobuf": (
        "from google.protobuf.internal import no_such_builder",
        "cannot import name 'no_such_builder' from 'google.protobuf.internal'",
    ),
    "no reason given": ("raise TypeError", "TypeError()"),
}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_code_that_does_not_load(name, tmp_path):
    proto, reason = GENERATED[name]
    fact, hint = answer(REFUSED, path=[fake(tmp_path, "", proto)])
    assert fact.startswith(
        "the schema of the installed coremltools does not load: {}".format(reason)
    )
    assert "\n" not in fact
    assert "protobuf" in hint


def test_a_package_without_a_schema(tmp_path):
    fact, _ = answer(REFUSED, path=[fake(tmp_path, "")])
    assert fact.startswith("the schema of the installed coremltools does not load: ")


def test_the_error_of_the_schema_is_told_as_it_is(monkeypatch):
    def missing():
        raise SchemaError("coremltools is not there", "install it")

    monkeypatch.setattr(schema, "model_class", missing)
    with pytest.raises(SchemaError) as caught:
        pipeline.process(cases.named("blog_hint_acT").path, pipeline.Request())
    assert (caught.value.message, caught.value.hint) == ("coremltools is not there", "install it")


def test_field_numbers_are_those_of_the_schema():
    assert schema.layer_type_number("upsample") == 210
    assert schema.layer_type_number("resizeBilinear") == 211
    types = schema.layer_type_numbers()
    assert {100, 210, 211, 500, 605, 615} <= types
    # name, input, output, inputTensor, outputTensor, isUpdatable
    assert not {1, 2, 3, 4, 5, 10} & types
