"""Layers narrowed to the channels that are compared: the same values, and no channel unseen."""

import numpy as np
import pytest
from google.protobuf import text_format

from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.neuralnetwork import channels, interpret
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.verify.kernels.checks import KernelError
from tests.support import build, edits

HALF = pipeline.Request(assume=assume.parse("bilinear,align_corners=false"), decompose=True)


def depthwise(count, up, half, values):
    """A convolution with a group for each channel, of 1x2 weights, and its bias."""
    layer = schema.layer_class()()
    text_format.Merge(
        'name: "c" input: "x" output: "y" convolution {{ outputChannels: {0} kernelChannels: {1} '
        "nGroups: {0} kernelSize: 1 kernelSize: 2 valid {{ }} isDeconvolution: {2} "
        "hasBias: true }}".format(count, count if up else 1, "true" if up else "false"),
        layer,
    )
    for weights, numbers in (
        (layer.convolution.weights, values),
        (layer.convolution.bias, [0.5] * count),
    ):
        if half:
            weights.float16Value = np.array(numbers, "<f2").tobytes()
        else:
            weights.floatValue.extend(numbers)
    return layer


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("half", [True, False])
def test_the_first_channels_come_out_as_before(up, half):
    whole = depthwise(5, up, half, [1.5, -0.25] * 5)
    image = np.random.RandomState(1).uniform(-1, 1, (1, 5, 3, 4))
    expected = interpret.run([whole], {"x": image})["y"][:, :2]
    (narrow,) = channels.keep_channels([whole], 5, 2)
    found = interpret.run([narrow], {"x": image[:, :2]})["y"]
    assert (found == expected).all()
    assert whole == depthwise(5, up, half, [1.5, -0.25] * 5)


@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("at", [2, 5, 9])
def test_a_channel_unlike_the_first_is_refused(half, at):
    values = [1.5, -0.25] * 5
    values[at] = 1.0
    with pytest.raises(KernelError, match="`c` treats its channels unlike each other"):
        channels.keep_channels([depthwise(5, True, half, values)], 5, 2)


def test_numbers_that_do_not_fill_the_channels_are_refused():
    with pytest.raises(KernelError, match="`c`: 9 numbers are not the same for 5 channels"):
        channels.keep_channels([depthwise(5, True, False, [1.0] * 9)], 5, 2)


def test_other_layers_stay_as_they_are():
    one_group = depthwise(5, False, False, [1.0] * 10)
    one_group.convolution.nGroups = 1
    padding = schema.layer_class()()
    padding.padding.replication.SetInParent()
    given = [one_group, padding]
    assert channels.keep_channels(given, 5, 2) == given
    assert channels.keep_channels([depthwise(1, True, False, [1.0] * 2)], 1, 1)[0].ByteSize()


def test_a_fix_whose_channels_differ_fails_its_proof(monkeypatch):
    """As it would if the layers that are made were wrong in a channel that no image reaches."""
    from coreml_resize_fix.formats.neuralnetwork import layer_fields

    really = np.tile

    def tile(pattern, count):
        made = really(pattern, count)
        made[-1] += 0.5
        return made

    model = build.network([40, 6, 8], [build.DOUBLE], version=3).SerializeToString()
    assert pipeline.process_bytes(model, "model", HALF)[0].exit_code == 0
    monkeypatch.setattr(layer_fields.np, "tile", tile)
    with pytest.raises(ProofError, match="treats its channels unlike each other"):
        pipeline.process_bytes(model, "model", HALF)


def test_a_layer_that_writes_the_blob_that_it_reads():
    model = build.network([2, 6, 8], [build.RELU, build.DOUBLE, build.RELU], version=3)
    first, second, third = model.neuralNetwork.layers
    second.output[:] = second.input
    third.input[:] = second.output
    report, result = pipeline.process_bytes(model.SerializeToString(), "model", HALF)
    assert [finding.verdict for finding in report.findings] == ["fixed"]
    assert report.findings[0].max_abs_error_after < 1e-6
    again = pipeline.process_bytes(result, "model", HALF)
    assert (again[0].exit_code, again[1]) == (0, result)
    made = edits.parse(result).neuralNetwork.layers
    assert list(made[1].input) == list(first.output)
    assert list(made[-2].output) == list(third.input)
