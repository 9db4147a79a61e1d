"""Elementwise layers of one input and of several."""

import numpy as np

from tests.formats.neuralnetwork.sizes.builder.calls import C, X, elementwise, many, method, z

EXACT = [
    ("softmax", method("softmax"), [X], X),
    ("softmax nd", method("softmax_nd", -1), [(3, 5)], (3, 5)),
    ("lrn", method("lrn", 1, 1, 5), [X], X),
    ("mvn", method("mvn"), [X], X),
    ("l2 normalize", method("l2_normalize"), [X], X),
    ("unary", method("unary", "sqrt"), [X], X),
    ("clip", method("clip", 0, 6), [X], X),
    ("copy", method("copy"), [X], X),
    ("reverse", method("reverse", [False, True, False, False]), [X], X),
    ("band part", method("matrix_band_part", 1, 1), [X], X),
    ("lower triangle", method("lower_triangular"), [X], X),
    ("upper triangle", method("upper_triangular"), [X], X),
    ("fill like", method("fill_like"), [X], X),
    ("random like", method("random_normal_like"), [X], X),
    ("cumsum", many("cumsum", "a"), [X], X),
    ("clamped relu", method("clamped_relu"), [X], X),
    ("argsort", method("argsort"), [X], X),
    ("add", elementwise("ADD"), [X, X], X),
    ("add scalar", elementwise("ADD", "a", alpha=2), [X], X),
    ("multiply by channel", elementwise("MULTIPLY"), [X, (2, 4, 1, 1)], X),
    ("max of three", elementwise("MAX", "abc"), [X, X, X], X),
    ("min", elementwise("MIN"), [X, X], X),
    ("average", elementwise("AVE"), [X, X], X),
    ("dot", elementwise("DOT"), [(2, 4, 1, 1), (2, 4, 1, 1)], (2, 1, 1, 1)),
    (
        "where",
        many("where_broadcastable", "abc"),
        [(3, 1), (1, 5), (2, 1, 1)],
        np.where(z(3, 1), z(1, 5), z(2, 1, 1)).shape,
    ),
    ("greater with alpha", many("greater_than", "a", alpha=1), [X], X),
    ("greater equal", many("greater_than", "ab", use_greater_than_equal=True), [X, (18,)], X),
    ("less", many("less_than", "ab"), [(3, 1), (5,)], (3, 5)),
    ("less equal", many("less_than", "ab", use_less_than_equal=True), [(3, 1), (5,)], (3, 5)),
    ("equal", many("equal", "ab"), [(3, 1), (5,)], (3, 5)),
    ("not equal", many("not_equal", "ab"), [(3, 1), (5,)], (3, 5)),
    ("logical not", many("logical", "a", "NOT"), [X], X),
    ("logical and", many("logical", "ab", "AND"), [(3, 1), (5,)], (3, 5)),
    ("logical or", many("logical", "ab", "OR"), [(3, 1), (5,)], (3, 5)),
    ("logical xor", many("logical", "ab", "XOR"), [(3, 1), (5,)], (3, 5)),
    ("scatter", many("scatter", "abc", axis=0), [(4, 3), (2,), (2, 3)], (4, 3)),
]
for _name in (
    "erf",
    "gelu",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "exp2",
    "ceil",
    "floor",
    "round",
    "sign",
):
    EXACT.append((_name, method(_name), [X], X))
for _name in ("add", "multiply", "divide", "subtract", "max", "min", "floor_div", "mod", "pow"):
    EXACT.append(
        (
            _name + " broadcastable",
            many(_name + "_broadcastable", "ab"),
            [(2, 1, 5), (7, 1)],
            (z(2, 1, 5) + z(7, 1)).shape,
        )
    )

RANK5 = [
    ("add a channel vector", elementwise("ADD"), [C, (4,)], (1, 1, 4, 13, 18)),
    ("dot", elementwise("COS"), [(4,), (4,)], (1, 1, 1, 1, 1)),
]
