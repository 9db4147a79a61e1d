"""Products, constants and look-ups."""

import numpy as np

from tests.formats.neuralnetwork.sizes.builder.calls import C, X, many, method, z

EXACT = [
    (
        "matmul",
        many("batched_mat_mul", "ab"),
        [(6, 1, 3, 4), (2, 4, 5)],
        np.matmul(z(6, 1, 3, 4), z(2, 4, 5)).shape,
    ),
    (
        "matmul transposed",
        many("batched_mat_mul", "ab", transpose_a=True, transpose_b=True),
        [(4, 3), (5, 4)],
        (z(4, 3).T @ z(5, 4).T).shape,
    ),
    ("matmul of a vector", many("batched_mat_mul", "ab"), [(4,), (4, 5)], (1, 5)),
    ("matmul with a vector", many("batched_mat_mul", "ab"), [(2, 3, 4), (4,)], (2, 3, 1)),
    (
        "matmul with weights",
        many("batched_mat_mul", "a", weight_matrix_rows=4, weight_matrix_columns=7, W=z(4, 7)),
        [(2, 3, 4)],
        (2, 3, 7),
    ),
    (
        "load constant",
        lambda b: b.add_load_constant("l", "out", z(24), [2, 3, 4]),
        [X],
        (1, 1, 2, 3, 4),
    ),
    (
        "load constant nd",
        lambda b: b.add_load_constant_nd("l", "out", z(2, 3), [2, 3]),
        [X],
        (2, 3),
    ),
    ("fill static", lambda b: b.add_fill_static("l", "out", [2, 3, 4]), [X], (2, 3, 4)),
    ("random static", lambda b: b.add_random_uniform_static("l", "out", [2, 3]), [X], (2, 3)),
    (
        "range static",
        lambda b: b.add_range_static("l", "out", end=10, start=1, step=4),
        [X],
        np.arange(1, 10, 4).shape,
    ),
    ("get shape", method("get_shape"), [X], (4,)),
    (
        "broadcast to",
        method("broadcast_to_static", [7, 2, 5]),
        [(2, 1)],
        np.broadcast_to(z(2, 1), (7, 2, 5)).shape,
    ),
    ("broadcast like", many("broadcast_to_like", "ab"), [(2, 1), (7, 2, 5)], (7, 2, 5)),
    (
        "gather",
        many("gather", "ab", axis=1),
        [(2, 3, 5), (6, 8)],
        np.take(z(2, 3, 5), np.zeros((6, 8), int), 1).shape,
    ),
    (
        "gather along axis",
        many("gather_along_axis", "ab", axis=1),
        [(4, 4, 7), (4, 5, 7)],
        (4, 5, 7),
    ),
    ("gather nd", many("gather_nd", "ab"), [(4, 2, 3, 4), (6, 2)], (6, 3, 4)),
    ("gather nd of scalars", many("gather_nd", "ab"), [(3, 3, 3), (3, 3)], (3,)),
    (
        "embedding",
        lambda b: b.add_embedding("l", z(9, 7), None, 9, 7, False, "a", "out"),
        [(2, 1, 1, 1)],
        (2, 7, 1, 1),
    ),
    ("embedding nd", method("embedding_nd", 9, 7, z(7, 9)), [(2, 3, 1)], (2, 3, 7)),
    ("one hot", many("one_hot", "a", 32, axis=1), [(10, 23)], (10, 32, 23)),
    ("categorical", method("categorical_distribution", 6), [(5, 4)], (5, 6)),
    (
        "non maximum suppression",
        lambda b: b.add_nms("l", ["a", "b"], ["out", "o2", "o3", "o4"], max_boxes=5),
        [(2, 30, 4), (2, 30, 7)],
        [(2, 5, 4), (2, 5, 7), (2, 5), (2,)],
    ),
]

RANK5 = [
    (
        "constant of a channel vector",
        lambda b: b.add_load_constant("l", "out", z(4), [4, 1, 1]),
        [C],
        (1, 1, 4, 1, 1),
    ),
    (
        "embedding",
        lambda b: b.add_embedding("l", z(9, 7), None, 9, 7, False, "a", "out"),
        [(1,)],
        (1, 1, 7, 1, 1),
    ),
]
