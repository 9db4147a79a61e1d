"""The same numbers in another shape."""

import numpy as np

from tests.formats.neuralnetwork.sizes.builder.calls import C, X, late, many, method, z

EXACT = [
    ("flatten", late("flatten", 0), [X], (2, 4 * 13 * 18, 1, 1)),
    ("flatten to 2d", method("flatten_to_2d", -2), [(5, 5, 3)], (5, 15)),
    ("flatten to 2d at 0", method("flatten_to_2d", 0), [(5, 2)], (1, 10)),
    ("flatten to 2d after all", method("flatten_to_2d", 1), [(3,)], (3, 1)),
    ("reshape static", method("reshape_static", (8, 117)), [(2, 4, 13, 9)], (8, 117)),
    (
        "reshape static, inferred",
        method("reshape_static", (4, -1, 3)),
        [(2, 6, 5)],
        z(2, 6, 5).reshape(4, -1, 3).shape,
    ),
    (
        "rank preserving reshape",
        method("rank_preserving_reshape", (20, 0, -1)),
        [(10, 3, 4)],
        (20, 3, 2),
    ),
    ("reshape like", many("reshape_like", "ab"), [(2, 6), (3, 4)], (3, 4)),
    (
        "transpose",
        late("transpose", [3, 1, 2, 0]),
        [(6, 7, 8, 9)],
        z(6, 7, 8, 9).transpose(3, 1, 2, 0).shape,
    ),
    ("expand dims", method("expand_dims", [0, 2]), [(10, 5)], (1, 10, 1, 5)),
    ("expand dims from the end", method("expand_dims", [-2, -1]), [(10, 5)], (10, 5, 1, 1)),
    (
        "squeeze",
        method("squeeze", [0, 3]),
        [(1, 10, 5, 1)],
        np.squeeze(z(1, 10, 5, 1), (0, 3)).shape,
    ),
    (
        "squeeze all",
        method("squeeze", squeeze_all=True),
        [(1, 10, 5, 1)],
        np.squeeze(z(1, 10, 5, 1)).shape,
    ),
    ("squeeze to the last", method("squeeze", [0]), [(1,)], (1,)),
]

RANK5 = [
    ("permute", late("permute", (0, 3, 1, 2)), [C], (1, 1, 18, 4, 13)),
    ("permute with the sequence", late("permute", (3, 1, 2, 0)), [C], (18, 1, 4, 13, 1)),
    ("reshape", method("reshape", (12, 6, 13), 0), [C], (1, 1, 12, 6, 13)),
    ("reshape to a sequence", method("reshape", (4, 13, 18, 1), 0), [C], (4, 1, 13, 18, 1)),
    ("flatten", late("flatten", 0), [C], (1, 1, 936, 1, 1)),
]
