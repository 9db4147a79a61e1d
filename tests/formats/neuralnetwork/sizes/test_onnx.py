"""Blobs that the ONNX route names alike have the shapes that ONNX's own inference finds."""

import json
import os
import subprocess
import sys

import pytest

from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.shapes import Unknown
from tests.support.cases import FIXTURES

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install onnx")
CORPUS = os.path.join(FIXTURES, "corpus")
CASES = sorted(
    name for name in os.listdir(CORPUS) if os.path.exists(os.path.join(CORPUS, name, "model.onnx"))
)
# (case, blob) → why the Core ML model has another shape than the ONNX model.
EXCEPTIONS = {
    ("t11_oc11_frac_acT", "8"): "factor 2.5 was truncated to 2",
    ("t11_oc11_frac_acT", "output"): "follows the truncated factor",
    ("blog_custom", "26"): "a vector constant is [C, 1, 1] in Core ML",
}
compared = []


# In a process of its own: the native part of onnx 1.6 crashes beside PyTorch 1.4.
SCRIPT = """
import json, sys
import onnx
from onnx import shape_inference
found = {}
for path in sys.argv[1:]:
    graph = shape_inference.infer_shapes(onnx.load(path)).graph
    blobs = found[path] = {}
    for value in list(graph.value_info) + list(graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) and all(dim.HasField("dim_value") for dim in dims):
            blobs[value.name] = [dim.dim_value for dim in dims]
json.dump(found, sys.stdout)
"""


def path_of(case):
    return os.path.join(CORPUS, case, "model.onnx")


@pytest.fixture(scope="module")
def onnx_shapes():
    """Path of each ONNX model → blob → shape."""
    command = [sys.executable, "-c", SCRIPT] + [path_of(case) for case in CASES]
    return json.loads(subprocess.check_output(command).decode("utf-8"))


def strip(dims):
    """Without leading ones: RANK5 networks have more of them."""
    dims = tuple(dims)
    while dims and dims[0] == 1:
        dims = dims[1:]
    return dims


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("case", CASES)
def test_blobs_of_both_sides_agree(onnx_shapes, case):
    model = schema.model_class()()
    with open(os.path.join(CORPUS, case, "model.mlmodel"), "rb") as file:
        model.ParseFromString(file.read())
    expected = onnx_shapes[path_of(case)]
    count = 0
    found = sizes.infer(model)
    for index, layer in enumerate(model.neuralNetwork.layers):
        for name, shape in zip(layer.output, found.layers[f"layers[{index}]"].outputs):
            if name not in expected or (case, name) in EXCEPTIONS:
                continue
            if isinstance(shape, Unknown):
                # ONNX sees through the shape arithmetic that custom layers stand for.
                assert case == "blog_custom", (name, shape)
                continue
            count += 1
            assert strip(shape.dims) == strip(expected[name]), (layer.WhichOneof("layer"), name)
    compared.append(count)


def test_enough_was_compared():
    """Also that the comparison above ran at all."""
    assert len(CASES) == 29
    if len(compared) == len(CASES):
        # onnx 1.6 infers a tenth of what later ones do.
        assert sum(compared) > (300 if hasattr(onnx, "hub") else 30)
