"""Several layers that are asked for something else than they compute: all of them are replaced."""

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork import interpret
from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.reference import resize
from tests.support import build, edits

OUTPUT = "multiArrayType { dataType: FLOAT32 shape: 2 shape: 12 shape: 16 }"


def several():
    """image → padding, deconvolution → scores, of which the size is declared."""
    model = build.network([2, 6, 8], [build.DOUBLE], version=3, output=OUTPUT)
    _, result = fixed(model.SerializeToString(), "bilinear,align_corners=false")
    assert len(edits.parse(result).neuralNetwork.layers) == 2
    return result


def fixed(data, text, decompose=True):
    request = pipeline.Request(assume=assume.parse(text), decompose=decompose)
    return pipeline.process_bytes(data, "model", request)


AXES = {
    "bilinear,align_corners=true": ("linear", "align_corners"),
    "bicubic": ("cubic", "half_pixel"),
    "nearest": ("nearest_floor", "asymmetric"),
}


@pytest.mark.mostly_slow(quick=3)
@pytest.mark.parametrize("decompose", [True, False])
@pytest.mark.parametrize("text", sorted(AXES))
@pytest.mark.parametrize("size", [(12, 16), (9, 20)])
def test_another_intent(text, size, decompose):
    asked = "{},size={}x{}".format(text, *size)
    report, result = fixed(several(), asked, decompose)
    if report.findings[0].verdict != "fixed":
        assert not decompose
        return
    made = edits.parse(result)
    added = made.neuralNetwork.layers
    names = [layer.name for layer in added]
    assert len(set(names)) == len(names)
    assert {blob for layer in added for blob in layer.input} == (
        {"image"} | {layer.output[0] for layer in added[:-1]}
    )
    assert list(made.description.output[0].type.multiArrayType.shape) == [2, *size]
    image = np.random.RandomState(1).uniform(-1, 1, (1, 1, 2, 6, 8))
    rows, columns = (AxisSpec(*AXES[text], x, n) for x, n in zip((6, 8), size))
    expected = resize(image, rows, columns)
    found = interpret.run(added, {"image": image})[added[-1].output[0]]
    assert np.abs(found - expected).max() < 2e-5
    again, same = fixed(result, asked, decompose)
    assert (again.exit_code, same) == (0, result)


@pytest.mark.parametrize("text", ["nearest", "bicubic"])
def test_another_intent_where_the_size_varies(text):
    model = build.network([2, 6, 8], [build.DOUBLE], version=3)
    limits = model.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((2, 2), (4, 20), (4, 20)):
        limits.add(lowerBound=low, upperBound=high)
    _, first = fixed(model.SerializeToString(), "bilinear,align_corners=false,scale_factor=2")
    assert len(edits.parse(first).neuralNetwork.layers) == 2
    report, second = fixed(first, text + ",scale_factor=2")
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert fixed(second, text + ",scale_factor=2")[1] == second
    kinds = [layer.WhichOneof("layer") for layer in edits.parse(second).neuralNetwork.layers]
    assert kinds == (["upsample"] if text == "nearest" else ["padding", "convolution"])


def test_layers_that_cannot_run_are_replaced():
    """What does not fit inside of them is no reason to refuse what takes their place."""
    broken = edits.parse(several())
    broken.neuralNetwork.layers[1].convolution.kernelChannels = 7
    request = pipeline.Request(
        assume=assume.parse("bilinear,align_corners=false,size=12x16"),
        decompose=True,
        verify=False,
    )
    report, result = pipeline.process_bytes(broken.SerializeToString(), "model", request)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert edits.parse(result).neuralNetwork == edits.parse(several()).neuralNetwork
