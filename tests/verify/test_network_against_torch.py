"""Every kind of layer and operation that coremltools makes of PyTorch calls, against PyTorch.

Each call is converted to a NeuralNetwork and to an ML Program of several targets; what the file
computes as a whole must be what PyTorch computed.
"""

import contextlib
import io
import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch

from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.verify.network import execute
from tests.support import torch_calls

TARGETS = {
    "network": ("neuralnetwork", ct.target.iOS14),
    "iOS15": ("mlprogram", ct.target.iOS15),
    "iOS17": ("mlprogram", ct.target.iOS17),
    "iOS18": ("mlprogram", ct.target.iOS18),
}
# What coremltools 9 itself refuses to convert, with a word of why.
REFUSED = {
    ("network", "pixel_unshuffle"): "iOS 16", ("iOS15", "pixel_unshuffle"): "iOS 16",
    ("network", "grid_sample"): "resample", ("network", "grid_sample_half"): "resample",
    ("network", "grid_sample_border"): "resample", ("network", "grid_sample_nearest"): "resample",
    ("network", "grid_sample_reflection"): "resample",
}  # fmt: skip


NAMES = list(torch_calls.CALLS)
# The opsets of all programs are alike but for a few operations, so part of the calls will do there.
PAIRS = [(kind, name) for kind in ("network", "iOS17") for name in NAMES]
PAIRS += [("iOS15", name) for name in NAMES[::4]] + [("iOS18", name) for name in NAMES[1::4]]


@pytest.mark.parametrize(("kind", "name"), PAIRS)
def test_call(kind, name):
    images = torch_calls.drawn(name)
    network = torch_calls.Module(name).eval()
    with torch.no_grad():
        computes = torch_calls.CALLS[name].computes or network
        expected = computes(*images).numpy()
    model = converted(network, images, kind, name)
    opened = open_bytes(model.get_spec().SerializeToString(), name, beside(model))
    given = {f"x{k}": image.numpy() for k, image in enumerate(images)}
    made = execute(opened, given)
    assert made.not_run is None
    (found,) = made.outputs.values()
    assert found.size == expected.size
    scale = max(np.abs(expected).max(), 1e-3)
    error = np.abs(found.reshape(expected.shape).astype(np.float64) - expected).max() / scale
    assert error < 2e-5


def converted(network, images, kind, name):
    convert_to, target = TARGETS[kind]
    more = {"compute_precision": ct.precision.FLOAT32} if convert_to == "mlprogram" else {}
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, images, check_trace=False)
        inputs = [ct.TensorType(f"x{k}", image.shape) for k, image in enumerate(images)]
        try:
            return ct.convert(
                traced,
                inputs=inputs,
                convert_to=convert_to,
                minimum_deployment_target=target,
                skip_model_load=True,
                **more,
            )
        except Exception as error:
            if (kind, name) in REFUSED:
                pytest.skip(f"coremltools refuses it: {REFUSED[kind, name]}")
            raise AssertionError(f"not converted: {error}") from error


def beside(model):
    weights = getattr(model, "weights_dir", None)
    return ModelFolder(weights.rsplit("/", 1)[0]) if weights else None
