"""Activations and normalizations: the shape stays."""

from tests.formats.neuralnetwork.sizes.builder.calls import X, method, z

EXACT = [
    ("relu", lambda b: b.add_activation("l", "RELU", "a", "out"), [X], X),
    ("scale", lambda b: b.add_scale("l", z(1), None, False, "a", "out"), [X], X),
    ("bias", lambda b: b.add_bias("l", z(4), "a", "out", shape_bias=[4]), [X], X),
    (
        "batchnorm",
        lambda b: b.add_batchnorm(
            "l", 4, z(4), z(4), z(4), z(4), input_name="a", output_name="out"
        ),
        [X],
        X,
    ),
    (
        "layer norm",
        method("layer_normalization", [18], z(18), z(18)),
        [X],
        X,
    ),
]

RANK5 = []
