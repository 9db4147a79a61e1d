"""Joining, cutting, repeating and padding."""

import numpy as np

from tests.formats.neuralnetwork.sizes.builder.calls import (
    C,
    X,
    elementwise,
    late,
    many,
    method,
    np_slice,
    z,
)

EXACT = [
    (
        "constant pad",
        many("constant_pad", "a", pad_amounts=[0, 1, 4, 0]),
        [(20, 10)],
        np.pad(z(20, 10), ((0, 1), (4, 0)), "constant").shape,
    ),
    (
        "constant pad to a size",
        many("constant_pad", "a", pad_amounts=[0, 21, 4, 0], pad_to_given_output_size_mode=True),
        [(20, 10)],
        (21, 10),
    ),
    ("concat", elementwise("CONCAT", "abc"), [X, (2, 1, 13, 18), X], (2, 9, 13, 18)),
    ("concat nd", many("concat_nd", "ab", 1), [(2, 3, 4), (2, 5, 4)], (2, 8, 4)),
    ("concat nd, from the end", many("concat_nd", "ab", -1), [(2, 3, 4), (2, 3, 6)], (2, 3, 10)),
    (
        "stack at 0",
        many("stack", "ab", axis=0),
        [(2, 3), (2, 3)],
        np.stack([z(2, 3)] * 2, 0).shape,
    ),
    (
        "stack at the end",
        many("stack", "abc", axis=-1),
        [(2, 3)] * 3,
        np.stack([z(2, 3)] * 3, -1).shape,
    ),
    (
        "split",
        lambda b: b.add_split("l", "a", ["out", "o2"]),
        [X],
        [np.split(z(*X), 2, 1)[0].shape, np.split(z(*X), 2, 1)[1].shape],
    ),
    (
        "split nd, even",
        lambda b: b.add_split_nd("l", "a", ["out", "o2", "o3"], axis=-1, num_splits=3),
        [X],
        [part.shape for part in np.split(z(*X), 3, -1)],
    ),
    (
        "split nd, uneven",
        lambda b: b.add_split_nd("l", "a", ["out", "o2"], axis=0, split_sizes=[3, 2]),
        [(5, 3, 4)],
        [(3, 3, 4), (2, 3, 4)],
    ),
    (
        "slice height",
        method("slice", "height", 2, 11, 3),
        [X],
        np_slice(X, ..., slice(2, 11, 3), slice(None)),
    ),
    ("slice width to -1", method("slice", "width", 1, -1, 1), [X], np_slice(X, ..., slice(1, -1))),
    ("slice channel", method("slice", "channel", 1, 3, 1), [X], (2, 2, 13, 18)),
    (
        "slice static",
        method(
            "slice_static",
            [1, 2, 3],
            [3, -3, 2],
            [2, 2, 2],
            [True, False, True],
            [False, True, True],
        ),
        [(5, 5, 5)],
        np_slice((5, 5, 5), slice(None, 3, 2), slice(2, None, 2), slice(None, None, 2)),
    ),
    (
        "slice static, backwards",
        method("slice_static", [0, 8], [0, 2], [-1, -2], [True, False], [True, False]),
        [(5, 9)],
        np_slice((5, 9), slice(None, None, -1), slice(8, 2, -2)),
    ),
    (
        "slice static, squeezing",
        method(
            "slice_static",
            [1, 2, 3],
            [3, -3, 2],
            [2, 2, 2],
            [True, False, True],
            [False, True, True],
            squeeze_masks=[False, True, False],
        ),
        [(5, 5, 5)],
        np_slice((5, 5, 5), slice(None, 3, 2), 2, slice(None, None, 2)),
    ),
    (
        "slice by size",
        many("slice_by_size", "ab", 1, 2),
        [(2, 3, 4), (1,)],
        (2, 2, 4),
    ),
    ("sliding windows", method("sliding_windows", 1, 3, 2), [(2, 9, 4)], (2, 4, 3, 4)),
    ("tile", method("tile", [1, 2, 6]), [(2, 4, 2)], np.tile(z(2, 4, 2), (1, 2, 6)).shape),
    ("tile, short", method("tile", [6]), [(2, 4, 2)], np.tile(z(2, 4, 2), (6,)).shape),
]

RANK5 = [
    ("concat", elementwise("CONCAT"), [C, (1, 13, 18)], (1, 1, 5, 13, 18)),
    ("sequence concat", elementwise("SEQUENCE_CONCAT"), [C, C], (2, 1, 4, 13, 18)),
    ("sequence repeat", late("sequence_repeat", 5), [C], (5, 1, 4, 13, 18)),
    ("slice channel", method("slice", "channel", 0, 2, 1), [C], (1, 1, 2, 13, 18)),
    ("split", lambda b: b.add_split("l", "a", ["out", "o2"]), [C], [(1, 1, 2, 13, 18)] * 2),
]
