"""The input of every resize layer of really converted models is what PyTorch gave to the call."""

import json
import os

import pytest

from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Flexible, Known, Unknown
from tests.support.cases import FIXTURES

CORPUS = os.path.join(FIXTURES, "corpus")
CASES = sorted(
    name for name in os.listdir(CORPUS) if os.path.exists(os.path.join(CORPUS, name, "meta.json"))
)
RECORDED = {"ct9_nn_exportdyn_mulx": (1, 3, 32, 48)}  # the shape of `input` in its io.npz
CONFLICTS = {
    "blog_customfn_sf2_wrong": [("layers[8]", "69", "add", "`add` of 8×12 and 16×24 does not fit")]
}


def load(case):
    model = schema.model_class()()
    with open(os.path.join(CORPUS, case, "model.mlmodel"), "rb") as file:
        model.ParseFromString(file.read())
    with open(os.path.join(CORPUS, case, "meta.json"), encoding="utf-8") as file:
        return model, json.load(file)


def needs_ios14(meta):
    return meta["specificationVersion"] >= 5


def fix_input(model, case):
    """Give a flexible input the size at which the calls were recorded."""
    for feature in model.description.input:
        if feature.type.multiArrayType.WhichOneof("ShapeFlexibility"):
            feature.type.multiArrayType.ClearField("shapeRange")
            del feature.type.multiArrayType.shape[:]
            feature.type.multiArrayType.shape.extend(RECORDED[case])


def rows():
    for case in CASES:
        _, meta = load(case)
        for layer in meta["layers"]:
            if layer.get("call_input_shape"):
                yield case, layer["index"], tuple(layer["call_input_shape"][1:])


ROWS = list(rows())


def test_the_table_is_not_empty():
    assert len(CASES) == 38
    assert len(ROWS) > 80


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize(("case", "index", "expected"), ROWS, ids=lambda value: str(value))
def test_resize_input_is_what_the_call_got(case, index, expected):
    model, meta = load(case)
    if needs_ios14(meta) and not schema.knows_ios14():
        pytest.skip(
            "coremltools 3 cannot describe a model for iOS 14: pip install 'coremltools>=4'"
        )
    fix_input(model, case)
    found = sizes.infer(model).layers[f"layers[{index}]"].inputs[0]
    assert isinstance(found, Known), found
    assert found.dims[-3:] == expected
    assert set(found.dims[:-3]) == {1}


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", CASES)
def test_conflicts_are_those_of_the_truncated_factors_only(case):
    found = [
        (item.address, item.layer, item.kind, item.message)
        for item in sizes.infer(load(case)[0]).conflicts
    ]
    assert found == CONFLICTS.get(case, [])


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("case", [case for case in CASES if case != "blog_custom"])
def test_every_blob_is_known(case):
    model, meta = load(case)
    if needs_ios14(meta) and not schema.knows_ios14():
        pytest.skip(
            "coremltools 3 cannot describe a model for iOS 14: pip install 'coremltools>=4'"
        )
    found = sizes.infer(model)
    unknown = {
        address: shape
        for address, layer in found.layers.items()
        for shape in layer.inputs + layer.outputs
        if isinstance(shape, Unknown)
    }
    if case in CONFLICTS:
        assert min(unknown, key=lambda address: int(address[7:-1])) == CONFLICTS[case][0][0]
    else:
        assert unknown == {}
        assert set(found.outputs) == {output.name for output in model.description.output}


def test_a_flexible_input_is_seen():
    model, _ = load("ct9_nn_exportdyn_mulx")
    found = sizes.infer(model)
    assert found.flexible_inputs == ("x",)
    # Two convolutions of stride 2, then the resize of factor 2 that should have been 8.
    assert found.layers["layers[4]"].inputs[0] == Flexible(((1, 1), (4, 4), (1, None), (1, None)))


def test_custom_layers_say_so():
    model, _ = load("blog_custom")
    found = sizes.infer(model).layers["layers[3]"].outputs[0]
    assert found == Unknown("custom layer `9` (class `Gather`) is computed by the app")
