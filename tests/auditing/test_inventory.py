"""What is said of a layer where nothing was asked for."""

import pytest

from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline
from tests.support import build


def told(data):
    (found,) = pipeline.process_bytes(data, "model", pipeline.Request(dry_run=True))[0].findings
    return found.message


def network(text):
    return build.network([2, 6, 8], [text], version=3).SerializeToString()


def to_size(size, mode):
    text = "resizeBilinear {{ targetSize: {0} targetSize: {0} mode {{ samplingMethod: {1} }} }}"
    return text.format(size, mode)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (build.NEAREST, "6×8 → 12×16, which equals "),
        (to_size(0, "UPSAMPLE_MODE"), "6×8 → 0×0, which is not the size of an image"),
        (
            to_size(9, "ROI_ALIGN_MODE"),
            "6×8 → 9×9, which equals no call of PyTorch or TensorFlow",
        ),
    ],
)
def test_of_one_layer(text, says):
    assert says in told(network(text))


def test_of_several_layers():
    request = pipeline.Request(assume=assume.parse("bilinear,align_corners=false"), decompose=True)
    _, result = pipeline.process_bytes(network(build.DOUBLE), "model", request)
    assert told(result).endswith("6×8 → 12×16, which these layers compute together")
