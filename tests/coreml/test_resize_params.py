"""Parameters of the resize layers, to and from the bytes that Apple's NeuralNetwork.proto means."""

import pytest

from coreml_resize_fix.formats.neuralnetwork import (
    read_parameters,
    write_parameters,
)
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.protobuf import schema
from tests.support.wirediff import field

STRICT, ENDPOINTS = "STRICT_ALIGN_ENDPOINTS_MODE", "ALIGN_ENDPOINTS_MODE"

# What is in field 210 (upsample) or 211 (resizeBilinear) of a layer.
WRITTEN = [
    (Upsample("NN", scaling_factor=(3, 4)), 210, "0a 02 03 04"),
    (Upsample("BILINEAR", scaling_factor=(2, 2)), 210, "0a 02 02 02 28 01"),
    (Upsample("BILINEAR", scaling_factor=(1, 300)), 210, "0a 03 01 ac 02 28 01"),
    # An absent mode is the strict one too, but some readers look whether there is one.
    (ResizeBilinear((12, 16), STRICT), 211, "0a 02 0c 10 12 00"),
    (ResizeBilinear((300, 1), STRICT), 211, "0a 03 ac 02 01 12 00"),
    (ResizeBilinear((12, 16), ENDPOINTS), 211, "0a 02 0c 10 12 02 08 01"),
    (ResizeBilinear((12, 16), "UPSAMPLE_MODE"), 211, "0a 02 0c 10 12 02 08 02"),
    (ResizeBilinear((12, 16), "ROI_ALIGN_MODE"), 211, "0a 02 0c 10 12 02 08 03"),
]
OF_IOS14 = [
    (Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", (2, 2)), 210, "0a 02 02 02 28 01 30 01"),
    (Upsample("BILINEAR", "ALIGN_CORNERS_FALSE", (2, 2)), 210, "0a 02 02 02 28 01 30 02"),
    (
        Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", (), (2.5, 1.5)),
        210,
        "28 01 30 01 3a 08 00 00 20 40 00 00 c0 3f",
    ),
]
if schema.knows_ios14():
    WRITTEN += OF_IOS14


@pytest.mark.parametrize(("params", "number", "content"), WRITTEN, ids=str)
def test_parameters_are_these_bytes(params, number, content):
    data = field(number, bytes(bytearray.fromhex(content)))
    assert write_parameters.field_bytes(params) == data
    layer = schema.layer_class()()
    layer.ParseFromString(data)
    assert read_parameters.read(layer) == params


def test_what_is_absent_has_the_default_of_the_schema():
    layer = schema.layer_class()()
    layer.upsample.SetInParent()
    assert read_parameters.read(layer) == Upsample("NN", "DEFAULT", (), ())
    layer.resizeBilinear.SetInParent()
    assert read_parameters.read(layer) == ResizeBilinear((), STRICT)
    layer.activation.ReLU.SetInParent()
    assert read_parameters.read(layer) is None
    assert read_parameters.read(schema.layer_class()()) is None
