"""What every value's size becomes behind a changed resize, by coremltools' own type inference.

coremltools infers the expected sizes of the same program built for the other size.
"""

import contextlib
import logging

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=4'"
)

from coreml_resize_fix.formats.mlprogram import declared, program, reader, sizes
from coreml_resize_fix.formats.mlprogram.sizes import computed
from coreml_resize_fix.formats.mlprogram.sizes.rules import RULES
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Known, Unknown
from tests.formats.mlprogram import build, chains, operation_makers
from tests.formats.mlprogram.build import mb

logging.disable(logging.WARNING)

NEWEST = max(build.TARGETS)


def function_of(made, ios=15):
    return reader.read(Source(build.model_file(made, ios))).functions[0]


def address_of(function, name):
    return next(one.address for one in program.operations(function.block) if one.name == name)


def made_by(function, shapes):
    """(type, shape) of every output that is not a constant, in the order of the file."""
    return [
        (operation.kind, shape)
        for operation in program.operations(function.block)
        if operation.kind != "const"
        for shape in shapes.layers[operation.address].outputs
    ]


def attend(x):
    heads = mb.reshape(x=x, shape=[1, 4, -1, 2])
    return mb.scaled_dot_product_attention(query=heads, key=heads, value=heads)


def counted(x):
    """Sizes by every kind of arithmetic that is followed."""
    shape = mb.shape(x=x)
    height = mb.squeeze(x=mb.slice_by_size(x=shape, begin=[2], size=[1]), axes=[0])
    width = mb.gather(x=shape, indices=np.int32(3), axis=0)
    rows = mb.floor_div(x=mb.mul(x=height, y=np.int32(7)), y=np.int32(5))
    rows = mb.sub(x=mb.mul(x=rows, y=np.int32(2)), y=np.int32(1))
    half = mb.real_div(x=mb.cast(x=width, dtype="fp32"), y=np.float32(2.5))
    columns = mb.cast(x=mb.ceil(x=mb.add(x=half, y=np.float32(0.25))), dtype="int32")
    columns = mb.maximum(x=columns, y=mb.minimum(x=mb.sub(x=rows, y=np.int32(4)), y=np.int32(5)))
    return mb.stack(values=[mb.mod(x=rows, y=np.int32(16)), columns], axis=0)


def like(x):
    flat = mb.reshape(x=x, shape=[-1])
    return mb.reshape_like(
        x=flat, ref_tensors=(x, x), begins=(0, 2), ends=(2, 0), end_masks=(False, True)
    )


# What the chains do not have: iOS, and the operation on a map of four channels.
SINGLE = {
    "affine": (15, lambda x: mb.affine(
        x=x, transform_matrix=np.zeros((1, 6), np.float32), output_height=3, output_width=7,
        sampling_mode="bilinear", padding_mode="constant", padding_value=0.0,
        coordinates_mode="normalized_minus_one_to_one", align_corners=True)),
    "arithmetic": (17, lambda x: mb.resize(x=x, shape=counted(x), resized_dims=np.uint32(2))),
    "attention": (18, attend),
    "batch_to_space": (15, lambda x: mb.batch_to_space(
        x=mb.concat(values=[x] * 4, axis=0), block_shape=[2, 2], crops=[[0, 1], [1, 0]])),
    "crop_resize": (15, lambda x: mb.crop_resize(
        x=x, roi=np.ones((2, 1, 4, 1, 1), np.float32), target_height=3, target_width=5,
        normalized_coordinates=False, spatial_scale=1.0,
        box_coordinate_mode="CORNERS_WIDTH_FIRST")),
    "crop_resize_17": (17, lambda x: mb.crop_resize(
        x=x, boxes=np.ones((2, 4), np.float32), box_indices=np.zeros(2, np.int32),
        target_height=3, target_width=5, normalized_coordinates=False, spatial_scale=1.0,
        box_coordinate_mode="CORNERS_WIDTH_FIRST")),
    "einsum": (15, lambda x: mb.einsum(
        values=(x, mb.transpose(x=x, perm=[0, 3, 2, 1])), equation="nchw,nwhr->nchr")),
    "fill": (15, lambda x: mb.fill(shape=mb.shape(x=x), value=1.0)),
    "flatten2d": (15, lambda x: mb.flatten2d(x=x, axis=2)),
    "flatten2d_last": (15, lambda x: mb.flatten2d(x=x, axis=-1)),
    "flatten2d_first": (15, lambda x: mb.flatten2d(x=x, axis=-3)),
    "flatten2d_none": (15, lambda x: mb.flatten2d(x=x, axis=0)),
    "flatten2d_all": (15, lambda x: mb.flatten2d(x=x, axis=4)),
    "gather_nd": (15, lambda x: mb.gather_nd(x=x, indices=np.zeros((3, 2), np.int32))),
    "gather_nd_16": (16, lambda x: mb.gather_nd(
        x=x, indices=np.zeros((1, 3, 2), np.int32), batch_dims=1)),
    "l2_pool": (15, lambda x: mb.l2_pool(
        x=x, kernel_sizes=[3, 2], strides=[2, 2], pad_type="valid")),
    "one_hot": (15, lambda x: mb.one_hot(
        indices=mb.cast(x=x, dtype="int32"), one_hot_vector_size=5, axis=1)),
    "pixel_unshuffle": (16, lambda x: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2))),
    "range_1d": (15, lambda x: mb.range_1d(
        start=0, step=2, end=mb.gather(x=mb.shape(x=x), indices=np.int32(2), axis=0))),
    "resample": (15, lambda x: mb.resample(
        x=x, coordinates=np.zeros((1, 3, 5, 2), np.float32), sampling_mode="bilinear",
        padding_mode="constant", padding_value=0.0, coordinates_mode="unnormalized",
        align_corners=True)),
    "reshape_like": (16, like),
    "resize": (17, lambda x: mb.resize(x=x, shape=[9, 5], resized_dims=np.uint32(2))),
    "resize_one": (17, lambda x: mb.resize(x=x, shape=[9], resized_dims=np.uint32(1))),
    "select": (15, lambda x: mb.select(
        cond=mb.greater(x=x, y=0.0), a=x, b=np.zeros((1, 4, 1, 1), np.float32))),
    "sliding_windows": (15, lambda x: mb.sliding_windows(x=x, axis=2, size=3, stride=2)),
    "space_to_batch": (15, lambda x: mb.space_to_batch(
        x=x, block_shape=[2, 2], paddings=[[0, 2], [1, 1]])),
}  # fmt: skip


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("name", SINGLE)
def test_single_operations(name):
    ios, make = SINGLE[name]
    old = (6, 6)
    function = function_of(chains.single(make, old, ios), ios)
    for new in ((6, 6), (8, 8), (12, 12), (4, 4)):
        shapes = sizes.infer(function, {address_of(function, "resized"): new})
        expected = chains.shapes(chains.single(make, new, ios))
        assert made_by(function, shapes) == [(kind, Known(dims)) for kind, dims in expected]
        assert shapes.conflicts == ()


def drawn(seed):
    rng = np.random.default_rng(seed)
    kinds = list(chains.MAKERS)
    count = int(rng.integers(1, 4))
    first = kinds[seed % len(kinds)]  # every kind has its turn
    more = [kinds[int(n)] for n in rng.integers(0, len(kinds), count)]
    old, new = ((int(h), int(w)) for h, w in rng.integers(4, 14, (2, 2)))
    return [first, *more], old, new


@pytest.mark.slow
def test_sizes_behind_a_changed_resize():
    """Some hundred chains; those that coremltools refuses at either size are counted."""
    followed = refused = 0
    for seed in range(100):
        kinds, old, new = drawn(seed)
        try:
            made = chains.chain(seed, kinds, old)
        except chains.REFUSED:
            continue
        function = function_of(made)
        shapes = sizes.infer(function, {address_of(function, "resized"): new})
        found = made_by(function, shapes)
        try:
            expected = chains.shapes(chains.chain(seed, kinds, new))
        except chains.REFUSED:
            expected = []
        # coremltools lets an empty tensor pass.
        if not expected or any(size < 1 for _, dims in expected for size in dims):
            refused += 1
            assert shapes.conflicts or any(isinstance(one, Unknown) for _, one in found)
            continue
        followed += 1
        assert shapes.conflicts == (), (seed, kinds)
        assert found == [(kind, Known(dims)) for kind, dims in expected], (seed, kinds, old, new)
    assert followed > 60
    assert refused > 0


def generated():
    """(seed, kind): every operation that no chain has, three times with other parameters."""
    return [
        (seed, kind)
        for seed, kind in enumerate(sorted(operation_makers.MAKERS) * 3)
        if operation_makers.MAKERS[kind][0] <= NEWEST
    ]


@pytest.mark.slow
def test_operations_of_no_chain():
    """Against coremltools' own inference of the program built for the other size."""
    checked = 0
    for seed, kind in generated():
        rng = np.random.default_rng(seed)
        old, new = ((int(h), int(w)) for h, w in rng.integers(3, 12, (2, 2)))
        made, ios = operation_makers.behind(kind, seed, old)
        function = function_of(made, ios)
        shapes = sizes.infer(function, {address_of(function, "resized"): new})
        wanted = chains.shapes(operation_makers.behind(kind, seed, new)[0])
        expected = [(name, Known(dims)) for name, dims in wanted]
        assert made_by(function, shapes) == expected, (seed, kind, old, new)
        assert shapes.conflicts == (), (seed, kind, old, new)
        checked += 1
    assert checked >= 180


@pytest.mark.slow
def test_every_rule_is_compared_with_coremltools():
    """Those of states are in `test_places`."""
    made = [chains.single(make, (6, 6), ios) for ios, make in SINGLE.values() if ios <= NEWEST]
    made += [operation_makers.behind(kind, seed, (6, 6))[0] for seed, kind in generated()]
    for seed in range(100):
        with contextlib.suppress(*chains.REFUSED):
            made.append(chains.chain(seed, *drawn(seed)[:2]))
    kinds = {kind for one in made for kind, _ in chains.shapes(one)}
    assert set(RULES) - kinds == {"read_state", "write_state"}


def test_values_that_fit_another_size():
    """What is normalized along an axis has a value for each of its elements."""

    def normalized(x):
        return mb.layer_norm(x=x, axes=[-1], gamma=np.ones(8, np.float32))

    function = function_of(chains.single(normalized, (8, 8), 15))
    for size, message in (
        ((9, 8), []),
        ((8, 9), ["`layer_norm` has 8 values in `gamma` for 9"]),
    ):
        found = sizes.infer(function, {address_of(function, "resized"): size}).conflicts
        assert [one.message for one in found] == message


def test_a_resize_behind_an_operation_without_a_rule():
    """Its own size is asked for; the dimensions before it are those that the file declares."""

    def twice(x):
        return mb.upsample_bilinear(
            x=mb.relu(x=x, name="odd"), scale_factor_height=2, scale_factor_width=2, name="second"
        )

    made = build.ct.proto.Model_pb2.Model()
    made.ParseFromString(build.model_file(chains.single(twice, (6, 6), 15)))
    (block,) = made.mlProgram.functions["main"].block_specializations.values()
    (odd,) = (one for one in block.operations if one.outputs[0].name == "odd")
    odd.type = "of_a_later_version"
    function = reader.read(Source(made.SerializeToString())).functions[0]
    second = address_of(function, "second")
    wanted = {address_of(function, "resized"): (8, 8), second: (15, 17)}
    found = sizes.infer(function, wanted).layers[second].outputs
    assert found == (Known((1, 4, 15, 17)),)


def test_a_declared_size_that_nobody_can_say_any_more():
    """One branch follows the resize, the other is a constant."""

    def chosen(x):
        bright = mb.greater(x=mb.reduce_mean(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=0.5)
        return mb.cond(
            pred=bright,
            _true_fn=lambda: mb.relu(x=x),
            _false_fn=lambda: mb.relu(x=np.ones((1, 4, 6, 6), np.float32)),
            name="chosen",
        )

    function = function_of(chains.single(chosen, (6, 6), 15))
    address = address_of(function, "resized")
    before = sizes.infer(function, {})
    same, other = (sizes.infer(function, {address: size}) for size in ((6, 6), (8, 8)))
    assert declared.unfollowed(function, before, same) == []
    (told,) = declared.unfollowed(function, before, other)
    assert told.layer == "chosen"
    assert told.message.startswith("its size would change, and how is not known: ")


@pytest.mark.parametrize(
    ("dims", "short"),
    [((), True), ((5,), True), ((10**9,), False), ((None,), False), ((1, 2), False), (None, False)],
)
def test_only_as_few_numbers_as_a_shape_has_are_computed(dims, short):
    assert computed.is_short(dims) is short


def test_what_is_written_into_another_size():
    """An update of constants fits the place that it was made for."""

    def written(x):
        update = np.zeros((1, 4, 2, 8), np.float32)
        return mb.slice_update(
            x=x, update=update, begin=[0, 0, 1, 0], end=[0, 0, 3, 0],
            begin_mask=[True, True, False, True], end_mask=[True, True, False, True],
        )  # fmt: skip

    if NEWEST < 18:
        pytest.skip("needs coremltools: pip install 'coremltools>=8'")
    function = function_of(chains.single(written, (8, 8), 18), 18)
    for size, message in (
        ((9, 8), []),
        ((8, 9), ["`slice_update` puts 1×4×2×8 in the place of 1×4×2×9"]),
    ):
        found = sizes.infer(function, {address_of(function, "resized"): size}).conflicts
        assert [one.message for one in found] == message


@pytest.mark.mostly_slow(quick=3)
@pytest.mark.parametrize("seed", range(12))
def test_sizes_that_converters_write_down(seed):
    """The shapes that reshape and conv_transpose hold, against a network of the other size."""
    rng = np.random.default_rng(seed)
    kernel, stride = int(rng.integers(1, 5)), int(rng.integers(2, 4))
    pads = [int(n) for n in rng.integers(0, 2, 4)]
    more = [int(n) for n in rng.integers(0, stride, 2)]
    old, new = ((int(h), int(w)) for h, w in rng.integers(5, 12, (2, 2)))
    weight = np.zeros((2, 3, kernel, kernel), np.float32)

    def network(x):
        h, w = x.shape[2:]
        x = mb.reshape(x=x, shape=[1, 2, 2, h, w])
        x = mb.reshape(x=mb.reduce_max(x=x, axes=[1], keep_dims=False), shape=[2, h * w])
        x = mb.reshape(x=mb.relu(x=x), shape=[1, 2, h, w])
        sides = [
            stride * (side - 1) + kernel - pads[2 * axis] - pads[2 * axis + 1] + more[axis]
            for axis, side in enumerate((h, w))
        ]
        return mb.conv_transpose(
            x=x, weight=weight, strides=[stride] * 2, pad_type="custom", pad=pads,
            output_shape=[1, 3, *sides],
        )  # fmt: skip

    function = function_of(chains.single(network, old, 15))
    shapes = sizes.infer(function, {address_of(function, "resized"): new})
    expected = chains.shapes(chains.single(network, new, 15))
    assert made_by(function, shapes) == [(kind, Known(dims)) for kind, dims in expected]
    assert shapes.conflicts == ()
