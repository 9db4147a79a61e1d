"""Reductions, inner products and recurrent layers."""

from tests.formats.neuralnetwork.sizes.builder.calls import C, F, X, bilstm, lstm, method, t, z

EXACT = [
    (
        "reduce sum",
        method("reduce_sum", [1], keepdims=True),
        [X],
        z(*X).sum(1, keepdims=True).shape,
    ),
    (
        "reduce sum, removing",
        method("reduce_sum", [1, -1], keepdims=False),
        [X],
        z(*X).sum((1, 3)).shape,
    ),
    ("reduce all", method("reduce_max", None, keepdims=True, reduce_all=True), [X], (1, 1, 1, 1)),
    (
        "reduce all, removing",
        method("reduce_min", None, keepdims=False, reduce_all=True),
        [X],
        (1,),
    ),
    ("argmax", method("argmax", axis=-2), [(45, 34, 10, 5)], (45, 34, 1, 5)),
    ("argmin, removing", method("argmin", axis=1, keepdims=False), [(45, 34, 10, 5)], (45, 10, 5)),
    (
        "top k",
        lambda b: b.add_topk("l", ["a"], ["out", "o2"], k=3, axis=1),
        [(45, 34, 10, 5)],
        [(45, 3, 10, 5), (45, 3, 10, 5)],
    ),
    ("old reduce", lambda b: b.add_reduce("l", "a", "out", "HW", "avg"), [X], (2, 4, 1, 1)),
    (
        "old reduce, channels",
        lambda b: b.add_reduce("l", "a", "out", "C", "max"),
        [X],
        (2, 1, 13, 18),
    ),
    ("old reduce, all", lambda b: b.add_reduce("l", "a", "out", "CHW", "sum"), [X], (2, 1, 1, 1)),
    (
        "inner product, rank 1",
        lambda b: b.add_inner_product("l", z(7, 5), None, 5, 7, False, "a", "out"),
        [(5,)],
        (7,),
    ),
    (
        "inner product, rank 3",
        lambda b: b.add_inner_product("l", z(7, 5), None, 5, 7, False, "a", "out"),
        [(2, 3, 5)],
        tuple(F.linear(t(2, 3, 5), t(7, 5)).shape),
    ),
    (
        "inner product, rank 4",
        lambda b: b.add_inner_product("l", z(7, 12), None, 12, 7, False, "a", "out"),
        [(2, 3, 2, 2)],
        (2, 7, 1, 1),
    ),
    # A sequence needs inputs of rank 5, which only EXACT mapping can declare.
    ("lstm, last step", lstm(), [(9, 2, 5, 1, 1)], [(1, 2, 6, 1, 1)] * 3),
    (
        "lstm, all steps",
        lstm(output_all=True),
        [(9, 2, 5, 1, 1)],
        [(9, 2, 6, 1, 1)] + [(1, 2, 6, 1, 1)] * 2,
    ),
    (
        "both ways, all steps",
        bilstm(output_all=True),
        [(9, 2, 5, 1, 1)],
        [(9, 2, 12, 1, 1)] + [(1, 2, 6, 1, 1)] * 4,
    ),
]
for _name in ("prod", "mean", "max", "min", "l1", "l2", "sumsquare", "logsum", "logsumexp"):
    EXACT.append(
        ("reduce " + _name, method("reduce_" + _name, [-2], keepdims=False), [X], (2, 4, 18))
    )

RANK5 = [
    (
        "inner product",
        lambda b: b.add_inner_product("l", z(7, 936), None, 936, 7, False, "a", "out"),
        [C],
        (1, 1, 7, 1, 1),
    ),
    ("reduce", lambda b: b.add_reduce("l", "a", "out", "W", "sum"), [C], (1, 1, 4, 13, 1)),
    (
        "simple rnn",
        lambda b: b.add_simple_rnn("l", z(6, 6), z(6, 5), None, 6, 5, "TANH", ["a"], ["out", "o2"]),
        [(5,)],
        [(1, 1, 6, 1, 1)] * 2,
    ),
    (
        "gru",
        lambda b: b.add_gru(
            "l", [z(6, 6)] * 3, [z(6, 5)] * 3, None, 6, 5, ["a"], ["out", "o2"], output_all=True
        ),
        [(5,)],
        [(1, 1, 6, 1, 1)] * 2,
    ),
    ("lstm", lstm(), [(5,)], [(1, 1, 6, 1, 1)] * 3),
    ("lstm of both directions", bilstm(), [(5,)], [(1, 1, 12, 1, 1)] + [(1, 1, 6, 1, 1)] * 4),
]
