"""Operations that converters seldom make of PyTorch, built by MIL's builder and executed.

Expected values come from PyTorch, from coremltools' documented examples, or from arithmetic here.
"""

import os

import numpy as np
import pytest

pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import types

from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.verify.network import execute
from tests.formats.mlprogram import build

RANDOM = np.random.RandomState(0)
IMAGE = RANDOM.uniform(-1, 1, (1, 4, 6, 4)).astype(np.float32)
ROWS = RANDOM.uniform(-1, 1, (3, 5)).astype(np.float32)


def run(make, *arrays, ios=15):
    """What a program makes of arrays; its outputs in order."""
    specs = [
        mb.TensorSpec(shape=one.shape, dtype=types.numpy_type_to_builtin_type(one.dtype))
        for one in arrays
    ]
    with build.quiet():
        made = mb.program(input_specs=specs, opset_version=build.TARGETS[ios])(make)
    model = opening(made, ios)
    names = list(made.functions["main"].inputs)
    found = execute(model, dict(zip(names, arrays)))
    assert found.not_run is None, found.not_run
    outputs = [found.outputs[name] for name in model.networks[0].outputs]
    return outputs[0] if len(outputs) == 1 else outputs


def opening(made, ios=15, passes=build.ct.PassPipeline.EMPTY):
    """A Program as a model whose weights lie in a folder."""
    with build.quiet():
        converted = build.ct.convert(
            made,
            convert_to="mlprogram",
            compute_precision=build.ct.precision.FLOAT32,
            minimum_deployment_target=build.TARGETS[ios],
            pass_pipeline=passes,
            skip_model_load=True,
        )
    return opened(converted)


def opened(converted):
    """An MLModel of coremltools, opened by its spec and its weights."""
    folder = os.path.dirname(converted.weights_dir)
    model = open_bytes(converted.get_spec().SerializeToString(), "made", ModelFolder(folder))
    model.kept_alive = converted  # it deletes its files with itself
    return model


def same(found, expected, tolerance=1e-6):
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


UNARY = {
    "clamped_relu": (
        lambda x: mb.clamped_relu(x=x, alpha=0.3, beta=0.5),
        lambda x: np.minimum(np.where(x >= 0, x, 0.3 * x), 0.5),
    ),
    "linear_activation": (
        lambda x: mb.linear_activation(x=x, alpha=2.0, beta=-1.0),
        lambda x: 2 * x - 1,
    ),
    "scaled_tanh": (
        lambda x: mb.scaled_tanh(x=x, alpha=1.5, beta=0.7),
        lambda x: 1.5 * np.tanh(0.7 * x),
    ),
    "sigmoid_hard": (
        lambda x: mb.sigmoid_hard(x=x, alpha=0.6, beta=0.4),
        lambda x: np.clip(0.6 * x + 0.4, 0, 1),
    ),
    "softplus_parametric": (
        lambda x: mb.softplus_parametric(
            x=x, alpha=np.float32([1, 2, 3, 4]), beta=np.float32([2, 1, 0.5, 3])
        ),
        lambda x: (
            np.float32([1, 2, 3, 4]).reshape(-1, 1, 1)
            * np.log1p(np.exp(np.float32([2, 1, 0.5, 3]).reshape(-1, 1, 1) * x))
        ),
    ),
    "threshold": (lambda x: mb.threshold(x=x, alpha=0.2), lambda x: np.maximum(x, 0.2)),
    "thresholded_relu": (
        lambda x: mb.thresholded_relu(x=x, alpha=0.2),
        lambda x: np.where(x >= 0.2, x, 0),
    ),
    "gelu_sigmoid": (
        lambda x: mb.gelu(x=x, mode="SIGMOID_APPROXIMATION"),
        lambda x: x * sigmoid(1.702 * x),
    ),
    "inverse": (lambda x: mb.inverse(x=x, epsilon=0.25), lambda x: 1 / (x + 0.25)),
    "log": (lambda x: mb.log(x=x, epsilon=2.0), lambda x: np.log(x + 2)),
    "rsqrt": (lambda x: mb.rsqrt(x=x, epsilon=2.0), lambda x: 1 / np.sqrt(x + 2)),
    "exp2": (lambda x: mb.exp2(x=x), lambda x: 2.0**x),
    "atanh": (lambda x: mb.atanh(x=mb.mul(x=x, y=0.9)), lambda x: np.arctanh(0.9 * x)),
    "l2_norm": (
        lambda x: mb.l2_norm(x=x, epsilon=0.5),
        lambda x: x / np.sqrt((x**2).sum((1, 2, 3), keepdims=True) + 0.5),
    ),
    "reduce_l1_norm": (lambda x: mb.reduce_l1_norm(x=x, axes=[1]), lambda x: np.abs(x).sum(1)),
    "reduce_l2_norm": (
        lambda x: mb.reduce_l2_norm(x=x, axes=[-1], keep_dims=True),
        lambda x: np.sqrt((x**2).sum(-1, keepdims=True)),
    ),
    "reduce_log_sum": (
        lambda x: mb.reduce_log_sum(x=mb.square(x=x), axes=[1, 2]),
        lambda x: np.log((x**2).sum((1, 2))),
    ),
    "reduce_sum_square": (
        lambda x: mb.reduce_sum_square(x=x, axes=[2, 3]),
        lambda x: (x**2).sum((2, 3)),
    ),
    "reduce_prod": (lambda x: mb.reduce_prod(x=x, axes=[1]), lambda x: x.prod(1)),
    "reduce_all": (lambda x: mb.reduce_max(x=x), lambda x: x.max()),
    "cumsum_exclusive": (
        lambda x: mb.cumsum(x=x, axis=2, exclusive=True),
        lambda x: np.cumsum(x, 2) - x,
    ),
    "cumsum_reverse": (
        lambda x: mb.cumsum(x=x, axis=2, reverse=True),
        lambda x: np.cumsum(x[:, :, ::-1], 2)[:, :, ::-1],
    ),
    "crop": (
        lambda x: mb.crop(x=x, crop_height=[1, 2], crop_width=[0, 1]),
        lambda x: x[:, :, 1:4, :3],
    ),
    "slice_by_size": (
        lambda x: mb.slice_by_size(x=x, begin=[0, 1, 2, 0], size=[1, 2, -1, 3]),
        lambda x: x[:, 1:3, 2:, :3],
    ),
    "slice_with_masks": (
        lambda x: mb.slice_by_index(
            x=x,
            begin=[0, 3, 4, 2],
            end=[1, 0, 1, 0],
            stride=[1, -1, -2, 1],
            end_mask=[True, True, False, True],
            squeeze_mask=[False, False, False, True],
        ),
        lambda x: x[:, ::-1, 4:1:-2, 2],
    ),
    "tile": (lambda x: mb.tile(x=x, reps=[2, 1, 1, 3]), lambda x: np.tile(x, (2, 1, 1, 3))),
    "band_part": (
        lambda x: mb.band_part(x=x, lower=1, upper=0),
        lambda x: np.tril(x) * (np.subtract.outer(np.arange(6), np.arange(4)) <= 1),
    ),
    "reverse": (lambda x: mb.reverse(x=x, axes=[1, -1]), lambda x: x[:, ::-1, :, ::-1]),
    "flatten2d": (lambda x: mb.flatten2d(x=x, axis=-2), lambda x: x.reshape(4, 24)),
    "concat_interleaved": (
        lambda x: mb.concat(values=[x, mb.mul(x=x, y=2.0)], axis=1, interleave=True),
        lambda x: np.stack([x, 2 * x], 2).reshape(1, 8, 6, 4),
    ),
    "sliding_windows": (
        lambda x: mb.sliding_windows(x=x, axis=2, size=3, stride=2),
        lambda x: np.stack([x[:, :, 0:3], x[:, :, 2:5]], 2),
    ),
    "fill_like": (
        lambda x: mb.add(x=x, y=mb.fill_like(ref_tensor=x, value=2.0)),
        lambda x: x + 2,
    ),
    "space_to_depth": (
        lambda x: mb.space_to_depth(x=x, block_size=2),
        # Channel (y, x, c) of the output is pixel (y, x) of a block of channel c.
        lambda x: np.concatenate([x[:, :, j::2, i::2] for j in (0, 1) for i in (0, 1)], 1),
    ),
    "space_to_batch": (
        lambda x: mb.space_to_batch(x=x, block_shape=[2, 1], paddings=[[1, 1], [0, 2]]),
        lambda x: np.concatenate(
            [np.pad(x, [(0, 0), (0, 0), (1, 1), (0, 2)])[:, :, j::2] for j in (0, 1)]
        ),
    ),
    "conv_transpose_same": (
        lambda x: mb.conv_transpose(
            x=x, weight=np.ones((4, 1, 3, 2), np.float32), pad_type="same", strides=[2, 2]
        ),
        # Of 13 rows one is cut off behind; each pixel covers three rows and two columns.
        lambda x: spread(x, (3, 2), 2)[:, :, :12],
    ),
    "avg_pool_same_lower": (
        lambda x: mb.avg_pool(
            x=x, kernel_sizes=[2, 2], strides=[1, 1], pad_type="same_lower",
            exclude_padding_from_average=True,
        ),
        lambda x: averages_of_two(x),
    ),
    "l2_pool": (
        lambda x: mb.l2_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid"),
        lambda x: np.sqrt(sum(x[:, :, j::2, i::2] ** 2 for j in (0, 1) for i in (0, 1))),
    ),
}  # fmt: skip


def spread(x, kernel, stride):
    """Every pixel added to a window of ones, all channels to one."""
    height, width = ((n - 1) * stride + k for n, k in zip(x.shape[2:], kernel))
    made = np.zeros((1, 1, height, width))
    for j, i in np.ndindex(*kernel):
        made[:, 0, j : j + 2 * x.shape[2] - 1 : 2, i : i + 2 * x.shape[3] - 1 : 2] += x.sum(1)
    return made


def averages_of_two(x):
    """Means of 2×2 windows that end at each pixel, of the pixels that there are."""
    made = np.zeros_like(x)
    for j, i in np.ndindex(*x.shape[2:]):
        made[..., j, i] = x[..., max(0, j - 1) : j + 1, max(0, i - 1) : i + 1].mean((2, 3))
    return made


@pytest.mark.mostly_slow(quick=12)
@pytest.mark.parametrize("name", UNARY)
def test_one_input(name):
    make, expected = UNARY[name]
    ios = 16 if name in ("avg_pool_same_lower", "fill_like") else 15
    same(run(make, IMAGE, ios=ios), np.asarray(expected(IMAGE.astype(np.float64))), 1e-5)


def test_reverse_of_space_to_depth_and_to_batch():
    made = run(lambda x: mb.depth_to_space(x=mb.space_to_depth(x=x, block_size=2), block_size=2),
               IMAGE)  # fmt: skip
    same(made, IMAGE)

    def there_and_back(x):
        there = mb.space_to_batch(x=x, block_shape=[2, 2], paddings=[[1, 1], [0, 2]])
        return mb.batch_to_space(x=there, block_shape=[2, 2], crops=[[1, 1], [0, 2]])

    same(run(there_and_back, IMAGE), IMAGE)


def test_documented_example_of_depth_to_space():
    """Example of ReorganizeDataLayerParams in NeuralNetwork.proto."""
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 8, 1, 2)
    made = run(lambda x: mb.depth_to_space(x=x, block_size=2), x)
    same(made, [[[[1, 5, 2, 6], [9, 13, 10, 14]], [[3, 7, 4, 8], [11, 15, 12, 16]]]])


def test_chosen_elements():
    x = ROWS
    indices = np.array([2, 0, -1], np.int32)
    same(run(lambda x: mb.gather(x=x, indices=indices, axis=1), x), x[:, indices])
    same(run(lambda x: mb.gather(x=x, indices=np.int32(1), axis=0), x), x[1])
    rows = np.array([[0, 4], [1, 1], [3, 2]], np.int32)
    made = run(lambda x: mb.gather(x=x, indices=rows, axis=1, batch_dims=1), x, ios=16)
    same(made, np.stack([x[k, rows[k]] for k in range(3)]))
    made = run(lambda x: mb.gather_along_axis(x=x, indices=rows, axis=1), x)
    same(made, np.take_along_axis(x, rows, 1))
    places = np.array([[0, 4], [2, 1]], np.int32)
    same(run(lambda x: mb.gather_nd(x=x, indices=places), x), [x[0, 4], x[2, 1]])


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("mode", ["update", "add", "sub", "mul", "div", "max", "min"])
def test_scattered_elements(mode):
    two = {
        "update": lambda a, b: b, "add": np.add, "sub": np.subtract, "mul": np.multiply,
        "div": np.divide, "max": np.maximum, "min": np.minimum,
    }[mode]  # fmt: skip
    new = (ROWS[:, :2] * 3 + 0.1).astype(np.float32)
    index = np.array([4, 1], np.int32)
    expected = ROWS.copy()
    expected[:, index] = two(ROWS[:, index], new)
    make = {
        "scatter": lambda x: mb.scatter(data=x, indices=index, updates=new, axis=1, mode=mode),
        "along": lambda x: mb.scatter_along_axis(
            data=x, indices=np.tile(index, (3, 1)), updates=new, axis=1, mode=mode
        ),
        "nd": lambda x: mb.scatter_nd(
            data=x,
            indices=np.stack(np.meshgrid(range(3), index, indexing="ij"), -1).astype(np.int32),
            updates=new,
            mode=mode,
        ),
    }
    for name in make:
        same(run(make[name], ROWS), expected)


def test_made_numbers():
    made = run(lambda x: mb.add(x=x, y=mb.fill(shape=[3, 5], value=2.0)), ROWS)
    same(made, ROWS + 2)
    whole = np.array([2, 0, 1], np.int32)
    made = run(lambda x: mb.one_hot(indices=x, one_hot_vector_size=4, on_value=3, off_value=-1),
               whole)  # fmt: skip
    same(made, [[-1, -1, 3, -1], [3, -1, -1, -1], [-1, 3, -1, -1]])
    end = np.array([7], np.int32)
    made = run(lambda x: mb.range_1d(start=1, end=mb.squeeze(x=x), step=2), end)
    same(made, [1, 3, 5])
    lengths = np.array([3, 0, 5], np.int32)
    made = run(lambda x: mb.reverse_sequence(x=x, lengths=lengths, seq_axis=1, batch_axis=0), ROWS)
    same(made, [[*ROWS[0, 2::-1], *ROWS[0, 3:]], ROWS[1], ROWS[2, ::-1]])
    made = run(lambda x: mb.non_zero(x=mb.cast(x=mb.greater(x=x, y=0.0), dtype="fp32")), ROWS)
    same(made, np.argwhere(ROWS > 0))


def test_sizes_that_are_computed():
    def doubled(x):
        shape = mb.shape(x=x)
        height = mb.mul(x=mb.gather(x=shape, indices=2, axis=0), y=2)
        width = mb.floor_div(x=mb.gather(x=shape, indices=3, axis=0), y=2)
        size = mb.concat(values=[height, width], axis=0)
        return mb.resize(
            x=x,
            shape=size,
            resized_dims=np.uint32(2),
            sampling_mode="UNALIGN_CORNERS",
            interpolation_mode="LINEAR",
        )

    assert run(doubled, IMAGE, ios=17).shape == (1, 4, 12, 2)


def test_branches_and_loops():
    def make(x):
        total = mb.reduce_sum(x=x)
        return mb.cond(
            pred=mb.greater(x=total, y=0.0),
            _true_fn=lambda: mb.mul(x=x, y=2.0),
            _false_fn=lambda: mb.relu(x=x),
        )

    same(run(make, np.abs(ROWS)), 2 * np.abs(ROWS))
    same(run(make, -np.abs(ROWS)), 0 * ROWS)

    def loop(x):
        return mb.while_loop(
            _cond=lambda count, y: mb.less(x=count, y=3.0),
            _body=lambda count, y: (mb.add(x=count, y=1.0), mb.mul(x=y, y=x)),
            loop_vars=(mb.reduce_sum(x=mb.mul(x=x, y=0.0)), x),
        )[1]

    same(run(loop, ROWS), ROWS**4)


def test_unknown_operations_are_named():
    def noisy(x):
        return mb.add(x=x, y=mb.random_normal(shape=[3, 5]))

    with build.quiet():
        made = mb.program(input_specs=[mb.TensorSpec(shape=(3, 5))])(noisy)
    (name,) = made.functions["main"].inputs
    found = execute(opening(made), {name: ROWS})
    assert found.outputs == {}
    assert "`random_normal`" in found.not_run.reason
    assert found.not_run.address.startswith("main/ops[")


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_the_numbers_that_a_network_computes_in_are_told(kind):
    """They decide how exact a result has to be."""
    spec = mb.TensorSpec(shape=(3, 5), dtype=types.numpy_type_to_builtin_type(kind))
    with build.quiet():
        made = mb.program(input_specs=[spec], opset_version=build.TARGETS[16])(
            lambda x: mb.relu(x=x)
        )
    assert execute(opening(made, 16), {"x": ROWS}).in_half is (kind is np.float16)


def test_states_begin_at_zero_and_change():
    def counted(x, total):
        before = mb.read_state(input=total)
        after = mb.coreml_update_state(state=total, value=mb.add(x=before, y=x))
        return mb.add(x=mb.mul(x=after, y=np.float16(10)), y=before)

    specs = [
        mb.TensorSpec(shape=(3, 5), dtype=types.fp16),
        mb.StateTensorSpec((3, 5), dtype=types.fp16),
    ]
    with build.quiet():
        made = mb.program(input_specs=specs, opset_version=build.TARGETS[18])(counted)
    model = opening(made, 18)
    (found,) = execute(model, {"x": ROWS}).outputs.values()
    same(found, 10 * ROWS)
    (again,) = execute(model, {"x": ROWS}).outputs.values()
    same(again, 10 * ROWS)


def convolved(ios):
    """A converted convolution and fully connected layer, of weights worth compressing."""
    kernel = RANDOM.uniform(-1, 1, (8, 4, 3, 3)).astype(np.float32)
    matrix = RANDOM.uniform(-1, 1, (16, 8)).astype(np.float32)

    def make(x):
        x = mb.reduce_mean(x=mb.conv(x=x, weight=kernel), axes=[2, 3])
        return mb.linear(x=x, weight=matrix)

    with build.quiet():
        made = mb.program(
            input_specs=[mb.TensorSpec(shape=IMAGE.shape)], opset_version=build.TARGETS[ios]
        )(make)
        return build.ct.convert(
            made,
            convert_to="mlprogram",
            compute_precision=build.ct.precision.FLOAT32,
            minimum_deployment_target=build.TARGETS[ios],
            skip_model_load=True,
        )


def compressions():
    optimize = build.ct.optimize.coreml

    def one(config, apply, **more):
        wanted = optimize.OptimizationConfig(global_config=config)
        return lambda model: apply(model, wanted, **more)

    def jointly(first, second, **more):
        then = second(mode=more.pop("mode", "uniform"), joint_compression=True, **more)
        return lambda model: then(first(model))

    def linear(joint_compression=False, **more):
        config = optimize.OpLinearQuantizerConfig(weight_threshold=0, **more)
        apply = optimize.linear_quantize_weights
        return one(config, apply, joint_compression=joint_compression)

    def palettes(joint_compression=False, **more):
        config = optimize.OpPalettizerConfig(weight_threshold=0, **more)
        return one(config, optimize.palettize_weights, joint_compression=joint_compression)

    def pruned(**more):
        config = optimize.OpMagnitudePrunerConfig(weight_threshold=0, **more)
        return one(config, optimize.prune_weights)

    blocks = {"granularity": "per_block", "block_size": 2}
    groups = {"granularity": "per_grouped_channel", "group_size": 4}
    return {
        "int8": (15, linear(mode="linear_symmetric")),
        "int8_asymmetric": (16, linear(mode="linear")),
        "int8_ios18": (18, linear(mode="linear")),
        "int4_blocks": (18, linear(dtype="int4", **blocks)),
        "uint4_blocks": (18, linear(mode="linear", dtype="uint4", **blocks)),
        "palette_4": (16, palettes(nbits=4, mode="uniform")),
        "palette_6": (16, palettes(nbits=6, mode="uniform")),
        "palette_2_ios18": (18, palettes(nbits=2, mode="uniform")),
        "palette_3_ios18": (18, palettes(nbits=3, mode="uniform")),
        "palette_1_groups": (18, palettes(nbits=1, mode="uniform", **groups)),
        "palette_4_groups": (18, palettes(nbits=4, mode="uniform", **groups)),
        "sparse_palette": (18, jointly(pruned(target_sparsity=0.5), palettes, nbits=3)),
        "sparse_int8": (18, jointly(pruned(target_sparsity=0.5), linear, mode="linear_symmetric")),
        "sparse": (16, pruned(target_sparsity=0.6)),
        "sparse_ios18": (18, pruned(target_sparsity=0.6)),
    }


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("name", compressions())
def test_compressed_weights_are_what_coremltools_makes_of_them(name):
    ios, compress = compressions()[name]
    with build.quiet():
        small = compress(convolved(max(ios, 16)))
        plain = build.ct.optimize.coreml.decompress_weights(small)
    kinds = {one.type for one in operations(small.get_spec())}
    assert any(kind.startswith("constexpr") for kind in kinds)
    assert not any(one.type.startswith("constexpr") for one in operations(plain.get_spec()))
    (found,), (expected,) = (
        execute(opened(model), {"x": IMAGE}).outputs.values() for model in (small, plain)
    )
    same(found, expected, 1e-5)
    assert np.abs(found).max() > 0.1


def operations(spec):
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    return block.operations


SIXTEEN = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
FOUR = np.float32([11, 22, 33, 44]).reshape(1, 1, 2, 2)
PLACES = np.float32([-1, -2, -3.7, -1, 0, 0, 3.5, 1.2])


def boxes_of_images(roi, size=2, **more):
    """crop_resize until iOS 16."""
    boxes = np.float32(roi).reshape(len(roi), 1, -1, 1, 1)
    return lambda x: mb.crop_resize(
        x=x,
        roi=boxes,
        target_height=size,
        target_width=size,
        box_coordinate_mode="CORNERS_HEIGHT_FIRST",
        sampling_mode="ALIGN_CORNERS",
        **more,
    )


def sampled(**more):
    return lambda x: mb.resample(x=x, coordinates=PLACES.reshape(1, 2, 2, 2), **more)


def turned(height, width):
    return lambda x: mb.affine(
        x=x,
        transform_matrix=PLACES[[0, 1, 2, 3, 6, 7]].reshape(1, 6),
        output_height=height,
        output_width=width,
        sampling_mode="bilinear",
        padding_mode="constant",
        padding_value=0.0,
        coordinates_mode="normalized_minus_one_to_one",
        align_corners=True,
    )


OUTSIDE = [[0, 0.1, 0.3, 1.3, 1], [0, 0.5, 1.8, 1.0, 0.3], [0, 0.0, 0.4, 0.6, 0.7]]
# Executed on Core ML: test_image_resizing.py of coremltools' tests for iOS14 to iOS17.
FIGURES = {
    "boxes": (15, boxes_of_images([[1, 1, 2, 2]]), SIXTEEN, [6, 7, 10, 11]),
    "boxes_larger": (
        15,
        boxes_of_images([[1, 1, 2, 2]], 4),
        SIXTEEN,
        [6, 6.333333, 6.66666, 7, 7.333333, 7.666666, 8, 8.333333, 8.666666, 9, 9.3333333,
         9.666666, 10, 10.333333, 10.666666, 11],
    ),
    "boxes_normalized": (
        15,
        boxes_of_images([[0, 0, 0, 1 / 3, 1 / 3]], normalized_coordinates=True),
        SIXTEEN,
        [1, 2, 5, 6],
    ),
    "boxes_reversed": (15, boxes_of_images([[2, 2, 1, 1]]), SIXTEEN, [11, 10, 7, 6]),
    "boxes_outside": (
        16,
        boxes_of_images(OUTSIDE, normalized_coordinates=True, pad_value=10.0),
        SIXTEEN,
        [3.1, 5.2, 10, 10, 10, 7.899, 10, 13.9, 2.2, 3.1, 9.4, 10.3],
    ),
    "boxes_of_ios17": (
        17,
        lambda x: mb.crop_resize(
            x=x, boxes=np.float32([[1, 1, 2, 2]]), target_height=2, target_width=2,
            sampling_mode="ALIGN_CORNERS", pad_value=10.0,
        ),
        SIXTEEN,
        [6, 7, 10, 11],
    ),
    "resample_constant": (
        15,
        sampled(sampling_mode="bilinear", padding_mode="constant", padding_value=6.17,
                coordinates_mode="normalized_minus_one_to_one", align_corners=True),
        FOUR,
        [8.585, 6.17, 27.5, 6.17],
    ),
    "resample_border": (
        15,
        sampled(sampling_mode="nearest", padding_mode="border", padding_value=-1.0,
                coordinates_mode="unnormalized", align_corners=False),
        FOUR,
        [11, 11, 11, 44],
    ),
    "resample_symmetric": (
        15,
        sampled(sampling_mode="nearest", padding_mode="symmetric", padding_value=-1.0,
                coordinates_mode="normalized_zero_to_one", align_corners=False),
        FOUR,
        [22, 33, 11, 33],
    ),
    "affine": (15, turned(3, 3), FOUR, [10.752501, 2.5025, 0, 1.9799997, 0, 0, 0, 0, 0]),
    "affine_wide": (15, turned(2, 5), FOUR, [10.752501, 5.94, 2.5025, 0.44, 0, 0, 0, 0, 0, 0]),
    "resize_nearest": (
        17,
        lambda x: mb.resize(
            x=x, shape=np.int32([3, 2]), resized_dims=np.uint32(2),
            interpolation_mode="NEAREST_NEIGHBOR", sampling_mode="DEFAULT",
        ),
        np.float32([[[[-6.174], [9.371]]]]),
        [-6.174, -6.174, 9.371, 9.371, 9.371, 9.371],
    ),
    "resize_linear": (
        17,
        lambda x: mb.resize(
            x=x, shape=np.int32([1, 5]), resized_dims=np.uint32(2), interpolation_mode="LINEAR",
            sampling_mode="DEFAULT",
        ),
        np.float32([[[[0, 1]]]]),
        [0, 0.4, 0.8, 1, 1],
    ),
    "upsample_default": (
        16,
        lambda x: mb.upsample_bilinear(
            x=x, scale_factor_height=2, scale_factor_width=3, align_corners=False,
            half_pixel_centers=False,
        ),
        np.float32([[[[1, 2]]]]),
        [1, 1.33334, 1.66667, 2, 2, 2] * 2,
    ),
    "upsample_fraction": (
        15,
        lambda x: mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=1.0, scale_factor_width=1.12
        ),
        np.float32([[[[1.5, -2.5, 3.5]]]]),
        [1.5, -2.5, 3.5],
    ),
}  # fmt: skip


@pytest.mark.mostly_slow(quick=8)
@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_core_ml(name):
    ios, make, x, expected = FIGURES[name]
    found = run(make, x, ios=ios)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5, atol=1.1e-3)
