"""Models of which the converter says that TensorFlow made them: the calls that are named."""

import pytest

from tests.cli.commands import UNET, run
from tests.support.tensorflow_cases import TensorFlowCase


def path_of(name):
    case = TensorFlowCase(name)
    if not case.is_readable:
        pytest.skip("the schema is older than the model: pip install 'coremltools>=5'")
    return case.path


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        # What TensorFlow computed for these networks is in recorded/ beside them.
        ("ct90_unet_nn", ["TensorFlow 2 or Keras bilinear"] * 2),
        ("ct90_unet_ml", ["TensorFlow 2 or Keras bilinear"] * 2),
        ("ct41_unet_nn", ["TensorFlow 2 or Keras bilinear"] * 2),
        ("ct90_deeplab_nn", [None, *["TensorFlow 1 resize_bilinear align_corners=True"] * 2]),
    ],
)
def test_an_inventory_names_the_calls_of_tensorflow(name, equal):
    ran = run(path_of(name), "--format", "json")
    messages = [one["message"] for one in ran.json["models"][0]["layers"]]
    for message, call in zip(messages, equal):
        assert "PyTorch" not in message
        assert call is None or message.endswith(f", which equals {call}")
    assert len(messages) == len(equal)


WORDS = "is read as PyTorch computes it"


@pytest.mark.parametrize(
    ("name", "assumed", "is_told"),
    [
        # tf.compat.v1 samples at i · X / N, PyTorch at (i + ½) · X / N − ½.
        ("ct90_unet_nn", "bilinear", True),
        ("ct90_unet_ml", "bilinear", True),
        ("ct90_unet_nn", "bilinear,framework=tensorflow2", False),
        # The corners are one grid in both.
        ("ct90_unet_nn", "bilinear,align_corners=true", False),
        # By a whole factor each of the three copies ⌊i / 2⌋.
        ("ct90_unet_nn", "nearest", False),
        ("ct90_unet_nn", "bicubic", True),
    ],
)
def test_a_call_without_a_framework(name, assumed, is_told):
    ran = run(path_of(name), "-n", "--assume", assumed, "--format", "json")
    told = [one for one in ran.json["models"][0]["notices"] if WORDS in one]
    assert bool(told) == is_told
    if told:
        assert "converted from `tensorflow==2.12.0`" in told[0]
        assert "and 1 more" in told[0]


def test_other_models_are_of_pytorch():
    assert WORDS not in run(UNET, "-n", "--assume", "bilinear").out
