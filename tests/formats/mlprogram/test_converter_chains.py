"""Area as slices and means, bicubic as gathers: recognized as they are, and not when one is moved.

The maps are put together here with coremltools' builder, from windows and weights of this file's
own arithmetic; two packages are a converter's.
"""

import math
import random
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coremltools.converters.mil import Builder as mb  # noqa: N813

from coreml_resize_fix import audit
from coreml_resize_fix.auditing.area import is_made_of_windows
from coreml_resize_fix.auditing.match import match
from coreml_resize_fix.auditing.summed import is_made_of_sums
from coreml_resize_fix.formats.mlprogram import averaged, reader, summed, weight_file
from coreml_resize_fix.formats.mlprogram.program import FileReference, TensorType, Value
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents.model import Intent
from tests.formats.mlprogram import build, files

CHANNELS = 2


def main_of(data):
    return reader.read(Source(data)).functions[0]


def intent(mode, before, after, align_corners=None, antialias=False, factor=None, **more):
    return Intent(
        mode=mode,
        align_corners=align_corners,
        antialias=antialias,
        size=None if factor else after,
        scale_factor=factor,
        input_size=before,
        channels=CHANNELS,
        **more,
    )


# Area


def maps(data):
    """Maps of several means: each mean alone is a map of one pixel, joined they are a row."""
    return [one for one in averaged.find(main_of(data)) if one.size != (1, 1)]


def windows(before, after):
    """PyTorch's adaptive pooling: from the floor of the first edge to the ceiling of the last."""
    return [
        (math.floor(i * before / after), math.ceil((i + 1) * before / after)) for i in range(after)
    ]


def area(before, after, change=lambda index, part: part, axes=(-2, -1), shape=None):
    """A model file that averages windows; `change` gets each (rows, columns) and its number."""

    def make(x):
        means = []
        for rows in windows(before[0], after[0]):
            for columns in windows(before[1], after[1]):
                (top, bottom), (left, right) = change(len(means), (rows, columns))
                part = mb.slice_by_index(
                    x=x, begin=[0, 0, top, left], end=[1, CHANNELS, bottom, right]
                )
                means.append(mb.reduce_mean(x=part, axes=list(axes), keep_dims=True))
        return mb.reshape(
            x=mb.concat(values=means, axis=-1), shape=[1, CHANNELS, *(shape or after)]
        )

    return build.model_file(build.program(make, (1, CHANNELS, *before), 15))


def test_a_map_of_one_row_needs_no_reshape():
    def make(x):
        parts = [mb.slice_by_index(x=x, begin=[0, 0, 0, i], end=[1, 2, 4, i + 3]) for i in (0, 2)]
        means = [mb.reduce_mean(x=part, axes=[2, 3], keep_dims=True) for part in parts]
        return mb.concat(values=means, axis=-1)

    data = build.model_file(build.program(make, (1, CHANNELS, 4, 5), 15))
    assert is_area(data, (4, 5), (1, 2))
    assert not is_area(data, (4, 5), (2, 1))


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize(
    ("axes", "keep_dims", "is_one"),
    [((2, 3), True, True), ((-1, -2), True, True), ((1, 3), True, False), ((2, 3), False, False)],
)
def test_a_map_of_one_pixel_is_a_mean(axes, keep_dims, is_one):
    def make(x):
        return mb.reduce_mean(x=x, axes=list(axes), keep_dims=keep_dims)

    data = build.model_file(build.program(make, (1, CHANNELS, 4, 5), 15))
    assert is_area(data, (4, 5), (1, 1)) == is_one
    assert not is_area(data, (4, 6), (1, 1))


def is_area(data, before, after):
    return is_made_of_windows(intent("area", before, after), averaged.find(main_of(data)))


SIZES = [((5, 7), (2, 3)), ((4, 9), (3, 2)), ((3, 4), (5, 6)), ((7, 7), (3, 1)), ((9, 5), (1, 4))]


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_area(before, after):
    data = area(before, after)
    found = maps(data)[-1]
    assert found.channels == CHANNELS
    assert found.windows == tuple(
        rows + columns
        for rows in windows(before[0], after[0])
        for columns in windows(before[1], after[1])
    )
    assert is_area(data, before, after)
    assert is_area(build.inline(data), before, after)
    assert not is_area(data, (before[0] + 1, before[1]), after)
    assert not is_area(data, before, after[::-1])


def test_area_of_tensorflow_counts_pixels_in_part():
    """Whole windows are those of PyTorch; of others TensorFlow's weights differ."""
    for (before, after), is_one in (
        (((6, 8), (3, 2)), True),
        (((5, 7), (2, 3)), False),
        (((4, 9), (2, 4)), False),
    ):
        found = averaged.find(main_of(area(before, after)))
        asked = intent("area", before, after)
        assert is_made_of_windows(asked, found)
        assert is_made_of_windows(replace(asked, framework="tensorflow2"), found) == is_one


def test_area_with_something_moved():
    before, after = (5, 7), (2, 3)

    def moved(index, part):
        (top, bottom), columns = part
        return ((top - 1, bottom), columns) if index == 4 else part

    def swapped(index, part):
        rows = windows(before[0], after[0])
        columns = windows(before[1], after[1])
        return rows[index % 2], columns[index // 2]

    assert is_area(area(before, after), before, after)
    assert not is_area(area(before, after, moved), before, after)
    assert not is_area(area(before, after, swapped), before, after)
    assert not is_area(area(before, after, shape=(3, 2)), before, after)
    assert is_area(area(before, after, axes=(3, 2)), before, after)


def test_means_over_other_axes_are_no_windows():
    def make(x):
        parts = [mb.slice_by_index(x=x, begin=[0, 0, 0, i], end=[1, 2, 2, i + 2]) for i in (0, 1)]
        means = [mb.reduce_mean(x=part, axes=[-1], keep_dims=True) for part in parts]
        return mb.reshape(x=mb.concat(values=means, axis=-1), shape=[1, 2, 2, 2])

    data = build.model_file(build.program(make, (1, 2, 2, 3), 15))
    assert averaged.find(main_of(data)) == []


@pytest.mark.parametrize(("stride", "is_map"), [(1, True), (2, False)])
def test_a_slice_that_steps_over_pixels_is_no_window(stride, is_map):
    def make(x):
        ends = {"begin": [0, 0, 0, 0], "end": [1, 2, 4, 3]}
        left = mb.slice_by_index(x=x, stride=[1, 1, stride, 1], **ends)
        right = mb.slice_by_index(x=x, begin=[0, 0, 0, 2], end=[1, 2, 4, 5])
        means = [mb.reduce_mean(x=part, axes=[2, 3], keep_dims=True) for part in (left, right)]
        return mb.reshape(x=mb.concat(values=means, axis=3), shape=[1, 2, 1, 2])

    made = build.program(make, (1, 2, 4, 5), 15)
    assert bool(maps(build.model_file(made))) == is_map


# Bicubic


def keys(distance, a):
    d = abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def step_of(before, after, align_corners, factor):
    if align_corners:
        return (before - 1) / (after - 1) if after > 1 else 0.0
    return 1 / factor if factor else before / after


def plain(before, after, align_corners=False, factor=None):
    """What each pixel reads, and its weights, both (pixels, 4)."""
    step = step_of(before, after, align_corners, factor)
    places = [i * step if align_corners else (i + 0.5) * step - 0.5 for i in range(after)]
    reads = np.array([[math.floor(at) + k for k in (-1, 0, 1, 2)] for at in places])
    weights = [[keys(k - at, -0.75) for k in row] for at, row in zip(places, reads)]
    return np.clip(reads, 0, before - 1), np.array(weights)


def smooth(before, after, align_corners=False, factor=None):
    """The same with antialias: rows are filled up with weights of zero."""
    step = step_of(before, after, align_corners, factor)
    wide = max(step, 1.0)
    taps = 2 * math.ceil(2 * wide) + 1
    reads, weights = np.zeros((after, taps), int), np.zeros((after, taps))
    for i in range(after):
        centre = step * (i + 0.5)
        first = max(int(centre - 2 * wide + 0.5), 0)
        last = min(int(centre + 2 * wide + 0.5), before)
        row = np.array([keys((k + 0.5 - centre) / wide, -0.5) for k in range(first, last)])
        reads[i, : len(row)] = range(first, last)
        weights[i, : len(row)] = row / row.sum()
    return reads, weights


def along(x, axis, reads, weights, stack_axis=-1, total=None):
    gathered = [mb.gather(x=x, indices=np.int32(column), axis=axis) for column in reads.T]
    shape = [1, 1, 1, 1, reads.shape[1]]
    shape[axis] = reads.shape[0]
    stacked = mb.stack(values=gathered, axis=stack_axis)
    product = mb.mul(x=stacked, y=np.float32(weights).reshape(shape))
    return mb.reduce_sum(x=product, axes=[-1] if total is None else [total], keep_dims=False)


def bicubic(before, rows, columns, inside, rows_first=False):
    """A model file; `inside` puts the weights into it, which coremltools keeps in another one."""

    def make(x):
        passes = [(2, rows), (3, columns)]
        for axis, (reads, weights) in passes if rows_first else reversed(passes):
            x = along(x, axis, reads, weights)
        return x

    data = build.model_file(build.program(make, (1, CHANNELS, *before), 15))
    order = (rows, columns) if rows_first else (columns, rows)
    return with_weights(data, [weights for _, weights in order]) if inside else data


def with_weights(data, tables):
    """The same file with its weights in it."""
    model = schema.model_class()()
    model.ParseFromString(data)
    function = model.mlProgram.functions["main"]
    tables = list(tables)
    for operation in function.block_specializations[function.opset].operations:
        if operation.type != "mul":
            continue
        weights = tables.pop(0)
        (constant,) = [
            one
            for one in function.block_specializations[function.opset].operations
            if one.outputs[0].name == operation.inputs["y"].arguments[0].name
        ]
        value = constant.attributes["val"]
        value.immediateValue.tensor.floats.values[:] = []
        value.immediateValue.tensor.floats.values.extend(np.float32(weights).ravel())
    assert not tables
    return model.SerializeToString()


def fits(data, asked):
    return is_made_of_sums(asked, summed.find(main_of(data)))


def drawn(seed):
    """Sizes, align_corners, antialias and maybe factors, and what the two axes read."""
    some = random.Random(seed)
    before = some.randint(3, 14), some.randint(3, 14)
    antialias, factor = some.random() < 0.5, None
    align_corners = some.random() < 0.5
    if some.random() < 0.4:
        factor = tuple(some.choice((0.5, 0.7, 1.5, 2.0, 2.3)) for _ in range(2))
        after = tuple(math.floor(x * s) for x, s in zip(before, factor))
    else:
        after = some.randint(1, 20), some.randint(1, 20)
    axes = [
        (smooth if antialias else plain)(x, n, align_corners, s)
        for x, n, s in zip(before, after, factor or (None, None))
    ]
    asked = intent("bicubic", before, after, align_corners, antialias, factor)
    return before, after, axes, asked


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("inside", [False, True], ids=["weights elsewhere", "weights inside"])
def test_bicubic(seed, inside):
    before, after, (rows, columns), asked = drawn(seed)
    data = bicubic(before, rows, columns, inside, rows_first=seed % 4 == 3)
    (found,) = summed.find(main_of(data))
    assert (found.channels, found.input_size, found.size) == (CHANNELS, before, after)
    for sums, (reads, weights) in ((found.rows, rows), (found.columns, columns)):
        assert sums.taps == reads.shape[1]
        assert sums.indices == tuple(map(tuple, reads.tolist()))
        if inside:
            np.testing.assert_allclose(sums.weights, weights, atol=1e-6)
        elif weights.size >= 10:  # coremltools keeps shorter ones in the structure
            assert sums.weights is None
    assert fits(data, asked)


def moved(table, place, by=1):
    reads, weights = table
    other = reads.copy()
    other[place] += by if other[place] + by >= 0 else -by
    return other, weights


BEFORE, AFTER = (9, 11), (14, 15)
ASKED = intent("bicubic", BEFORE, AFTER, False)
ROWS, COLUMNS = plain(9, 14), plain(11, 15)


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (moved(ROWS, (6, 1)), COLUMNS),
        (ROWS, moved(COLUMNS, (8, 2))),
        ((ROWS[0][:, :3], ROWS[1][:, :3]), COLUMNS),
        (plain(9, 14, True), COLUMNS),
        (ROWS, plain(11, 15, factor=1.4)),
        (smooth(9, 14), smooth(11, 15)),
    ],
    ids=["one row", "one column", "three taps", "aligned corners", "another factor", "antialias"],
)
def test_bicubic_with_something_moved(rows, columns, inside):
    assert fits(bicubic(BEFORE, ROWS, COLUMNS, inside), ASKED)
    assert not fits(bicubic(BEFORE, rows, columns, inside), ASKED)


def test_weights_in_the_file_are_compared():
    reads, weights = ROWS
    other = weights.copy()
    other[5] = other[5, ::-1]
    assert not fits(bicubic(BEFORE, (reads, other), COLUMNS, inside=True), ASKED)
    assert fits(bicubic(BEFORE, (reads, other), COLUMNS, inside=False), ASKED)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "area"])
def test_another_mode_is_not_taken_for_bicubic(mode):
    asked = intent(mode, BEFORE, AFTER, False if mode == "bilinear" else None)
    for inside in (False, True):
        assert not fits(bicubic(BEFORE, ROWS, COLUMNS, inside), asked)


def test_other_sizes_and_channels_do_not_fit():
    data = bicubic(BEFORE, ROWS, COLUMNS, inside=False)
    assert not fits(data, intent("bicubic", BEFORE, (15, 14), False))
    assert not fits(data, intent("bicubic", (9, 12), AFTER, False))
    assert not fits(data, replace(ASKED, channels=CHANNELS + 1))


def test_other_axes_are_no_resize():
    """Both passes along one axis, a sum over the columns, or taps that are stacked in front."""
    reads, weights = plain(11, 11)

    def twice(x):
        return along(along(x, 3, reads, weights), 3, reads, weights)

    def columns_summed(x):
        x = along(x, 3, reads, weights, total=-2)
        return mb.relu(x=x)

    for make in (twice, columns_summed):
        data = build.model_file(build.program(make, (1, CHANNELS, 9, 11), 15))
        assert summed.find(main_of(data)) == []


def test_what_converters_write():
    found = maps(files.model("ct9_ml17_area_nondiv"))[-1]
    assert (found.channels, found.size, len(found.windows)) == (3, (7, 9), 63)
    bicubic_file = main_of(files.model("head_ml17_bicubic"))
    (found,) = summed.find(bicubic_file)
    assert (found.input_size, found.size, found.rows.taps) == ((10, 12), (25, 31), 4)
    np.testing.assert_array_equal(found.rows.indices, plain(10, 25)[0])
    asked = intent("bicubic", (10, 12), (25, 31), False)
    assert not is_made_of_sums(asked, [found])  # two channels
    for name in files.NAMES:
        if name not in ("ct9_ml17_area_nondiv", "head_ml17_bicubic"):
            function = main_of(files.model(name))
            assert averaged.find(function) == summed.find(function) == []


def test_no_layer_is_needed_for_what_is_put_together():
    data = bicubic(BEFORE, ROWS, COLUMNS, inside=False)
    wrong = replace(ASKED, antialias=True)
    found = match([ASKED, wrong], lambda sizes: [], summed=summed.find(main_of(data)))
    assert [(one.intent, one.reason) for one in found.need_no_layer] == [
        (ASKED, "computed-elsewhere")
    ]
    assert found.unused == [wrong]


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("seed", range(30))
def test_gathers_alone_are_never_those_of_both_calls(seed):
    """Whether aligned or not, what the weights would tell is not guessed without them."""
    some = random.Random(seed)
    before = some.randint(3, 12), some.randint(3, 12)
    factor = some.choice((2, 3)) if seed % 2 else None
    after = tuple(x * factor if factor else some.randint(1, 20) for x in before)
    aligned = some.random() < 0.5
    tables = [plain(x, n, aligned) for x, n in zip(before, after)]
    other = [plain(x, n, not aligned) for x, n in zip(before, after)]
    same = all(np.allclose(*pair) for one, two in zip(tables, other) for pair in zip(one, two))
    data = bicubic(before, *tables, inside=False)
    asked = [intent("bicubic", before, after, one) for one in (aligned, not aligned)]
    assert fits(data, asked[1]) == same
    if factor:  # of a map that grows the first row tells
        assert fits(data, asked[0])


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("aligned", [False, True])
def test_weights_beside_the_file_are_read(aligned, precision, tmp_path):
    """Where a map shrinks the gathers may be the same, and the weights are not."""
    before, after = (12, 10), (4, 5)
    tables = [plain(x, n, aligned) for x, n in zip(before, after)]

    def make(x):
        return along(along(x, 2, *tables[0]), 3, *tables[1])

    made = build.program(make, (1, CHANNELS, *before), 15)
    path = str(build.save(made, tmp_path / "model.mlpackage", precision=precision))
    asked = [intent("bicubic", before, after, one) for one in (aligned, not aligned)]
    assert audit(path, asked[:1]).exit_code == 0
    report = audit(path, asked[1:])
    assert (report.exit_code, list(report.unused)) == (1, asked[1:])


def test_no_more_than_these_weights_is_read(tmp_path, monkeypatch):
    before, after = (12, 10), (4, 5)
    read = []
    monkeypatch.setattr(
        weight_file, "numbers", lambda beside, value, most: read.append((value.type.dims, most))
    )
    made = build.program(
        lambda x: mb.relu(x=along(along(x, 2, *plain(12, 4)), 3, *plain(10, 5))),
        (1, CHANNELS, *before),
        15,
    )
    path = str(build.save(made, tmp_path / "model.mlpackage"))
    audit(path, [intent("bicubic", before, after, False)])
    assert {dims for dims, _ in read} == {(1, 1, 4, 1, 4), (1, 1, 1, 5, 4)}
    assert {most for _, most in read} == {1 << 16}


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "@model_path/../x", "nowhere.bin"])
def test_weights_outside_of_the_folder_are_not_read(name, tmp_path):
    value = Value(TensorType("FLOAT32", (2,)), None, FileReference(name, 64))
    (tmp_path / "secret").write_bytes(bytes(200))
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    assert weight_file.numbers(ModelFolder(str(folder)), value, 10) is None
