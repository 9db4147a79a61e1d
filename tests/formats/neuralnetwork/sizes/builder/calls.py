"""Networks of one builder call each, and what PyTorch or NumPy make of the same sizes.

The blobs are "a", "b", "c" → "out" (or "out", "o2", "o3", …). A row of a table is
(name, call, shapes of the inputs, expected shape or shapes of the outputs).
"""

import contextlib
import io
import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch (expected shapes): pip install torch")
F = pytest.importorskip("torch.nn.functional")
logging.disable(logging.WARNING)
with contextlib.redirect_stderr(io.StringIO()):
    builder_module = pytest.importorskip("coremltools.models.neural_network")
    datatypes = pytest.importorskip("coremltools.models.datatypes")

X = (2, 4, 13, 18)  # N, C, H, W with odd and even sizes
C = (4, 13, 18)  # declared [C, H, W] in a RANK5 network


def z(*shape):
    return np.zeros(shape, dtype=np.float32)


def t(*shape):
    return torch.zeros(*shape)


def build(call, inputs, rank5):
    """A network of one builder call; inputs are named a, b, c."""
    features = [(name, datatypes.Array(*dims)) for name, dims in zip("abc", inputs)]
    builder = builder_module.NeuralNetworkBuilder(
        features, [("out", datatypes.Array(1))], disable_rank5_shape_mapping=not rank5
    )
    call(builder)
    return builder.spec


def conv(k_in, k_out, size, stride=(1, 1), mode="valid", groups=1, deconv=False, **more):
    out = k_out // groups if deconv else k_out
    weights = z(size[0], size[1], k_in if deconv else k_in // groups, out)

    def call(b):
        b.add_convolution(
            "l",
            kernel_channels=k_in if deconv else k_in // groups,
            output_channels=k_out,
            height=size[0],
            width=size[1],
            stride_height=stride[0],
            stride_width=stride[1],
            border_mode=mode,
            groups=groups,
            W=weights,
            b=None,
            has_bias=False,
            is_deconv=deconv,
            input_name="a",
            output_name="out",
            **more,
        )

    return call


def pool(size, stride, padding, is_global=False, **more):
    def call(b):
        b.add_pooling(
            "l",
            size[0],
            size[1],
            stride[0],
            stride[1],
            "MAX",
            padding,
            "a",
            "out",
            is_global=is_global,
            **more,
        )

    return call


def method(name, *args, **kwargs):
    """builder.add_<name>("l", "a", "out", …)"""
    return lambda b: getattr(b, "add_" + name)("l", "a", "out", *args, **kwargs)


def late(name, *args):
    """builder.add_<name>("l", …, "a", "out")"""
    return lambda b: getattr(b, "add_" + name)("l", *args, input_name="a", output_name="out")


def many(name, inputs, *args, **kwargs):
    """builder.add_<name>("l", [inputs], "out", …)"""
    return lambda b: getattr(b, "add_" + name)("l", list(inputs), "out", *args, **kwargs)


def elementwise(mode, inputs="ab", **more):
    return lambda b: b.add_elementwise("l", list(inputs), "out", mode, **more)


def torch_pool(shape, size, stride, padding=0, ceil=False):
    return tuple(F.max_pool2d(t(*shape), size, stride, padding, ceil_mode=ceil).shape)


def torch_conv(shape, weight, **more):
    return tuple(F.conv2d(t(*shape), t(*weight), **more).shape)


def torch_deconv(shape, weight, **more):
    return tuple(F.conv_transpose2d(t(*shape), t(*weight), **more).shape)


def np_slice(shape, *key):
    return z(*shape)[key].shape


def lstm(**more):
    four = [z(6, 6) for _ in range(4)]
    return lambda b: b.add_unilstm(
        "l", four, [z(6, 5) for _ in range(4)], None, 6, 5, ["a"], ["out", "o2", "o3"], **more
    )


def bilstm(**more):
    def call(b):
        wh, wx = [z(6, 6) for _ in range(4)], [z(6, 5) for _ in range(4)]
        b.add_bidirlstm(
            "l", wh, wx, None, wh, wx, None, 6, 5, ["a"], ["out", "o2", "o3", "o4", "o5"], **more
        )

    return call
