"""Sizes behind 200 drawn chains of operators; TensorFlow itself says which ones they are."""

import random

import pytest

from tests.intents.keras import support
from tests.intents.tensorflow.graphs import load

tf = pytest.importorskip("tensorflow", reason="TensorFlow: pip install tensorflow")
assert support.tensorflow is tf
V1 = tf.compat.v1


def transposed(rng, x):
    order = [0, *rng.sample([1, 2, 3], 3)]
    return tf.transpose(x, order)


def reshaped(rng, x):
    height, width, channels = (int(n) for n in x.shape[1:])
    return tf.reshape(x, [-1, width, height * channels, 1])


def repeated(rng, x):
    """As `tf.repeat` does it: a new axis, tiled, and merged with the one before."""
    axis, times = rng.choice([1, 2]), rng.randint(1, 3)
    made = tf.tile(tf.expand_dims(x, axis + 1), [times if k == axis + 1 else 1 for k in range(5)])
    shape = [int(n) for n in x.shape]
    shape[axis] *= times
    return tf.reshape(made, shape)


def padded(rng, x):
    around = [[0, 0], [rng.randint(0, 2), 1], [1, rng.randint(0, 1)], [0, rng.randint(0, 1)]]
    if rng.random() < 0.3:
        return tf.pad(x, around, constant_values=1.5)
    return tf.pad(x, around, mode=rng.choice(["CONSTANT", "SYMMETRIC"]))


def pooled(rng, x):
    """Global pooling, as images and as channels that become an image again."""
    if rng.random() < 0.5:
        return tf.reduce_mean(x, rng.choice([[1, 2], [-2, 1], [1], [2]]), keepdims=True)
    return tf.expand_dims(tf.expand_dims(tf.reduce_max(x, [1, 2]), 1), 1)


def squeezed(rng, x):
    axis = rng.choice([1, 2, 3, 4])
    return tf.squeeze(tf.expand_dims(x, axis), [axis])


def cut(rng, x):
    if min(int(n) for n in x.shape[1:3]) < 4:
        return x[:, :, ::-1, :1]
    return rng.choice(
        [
            lambda: x[:, 1:-1, 2:],
            lambda: x[:, ::2, :-1, :],
            lambda: x[:, -3:, 1::3],
            lambda: x[..., :1],
            lambda: x[:, 2, ..., :2][:, tf.newaxis],
            lambda: tf.expand_dims(x[:, 1], 1),
            lambda: tf.slice(x, [0, 1, 0, 0], [-1, 2, -1, 1]),
        ]
    )()


def dilated(rng, x):
    """A convolution with a rate, which TensorFlow 1 computes on parts of the image."""
    kernel = tf.ones([3, 3, int(x.shape[3]), rng.randint(1, 3)])
    rate = rng.randint(2, 3)
    block = [rate, rate]
    lack = [-int(n) % rate for n in x.shape[1:3]]
    around = [[rate, rate + n] for n in lack]
    made = tf.space_to_batch(x, block, around)
    made = tf.nn.conv2d(made, kernel, 1, "VALID")
    return tf.compat.v1.batch_to_space_nd(made, block, [[0, n] for n in lack])


def deconvolved(rng, x):
    channels = int(x.shape[3])
    height, width = (int(n) * 2 for n in x.shape[1:3])
    kernel = tf.ones([3, 3, 2, channels])
    return tf.nn.conv2d_transpose(x, kernel, [1, height, width, 2], [1, 2, 2, 1])


def shuffled(rng, x):
    x = tf.concat([x] * 4, rng.choice([3, -1]))
    made = tf.nn.depth_to_space(x, 2)
    return tf.nn.space_to_depth(made, 2) if rng.random() < 0.5 else made


def joined(rng, x):
    axis = rng.choice([1, 2, 3])
    return tf.concat([x, tf.nn.relu(x), x], axis)


def elementwise(rng, x):
    return rng.choice(
        [
            lambda: x * tf.nn.sigmoid(x),
            lambda: tf.add_n([x, x]),
            lambda: tf.math.squared_difference(x, tf.reduce_mean(x, [1, 2], keepdims=True)),
            lambda: tf.sqrt(tf.abs(-x)) ** 2.0,
            lambda: tf.clip_by_value(x, 0.0, 6.0),
        ]
    )()


STEPS = [
    *(transposed, reshaped, repeated, padded, pooled, squeezed, cut, dilated, deconvolved),
    *(shuffled, joined, elementwise),
]


@pytest.mark.slow
@pytest.mark.parametrize("is_batch_known", [True, False])
@pytest.mark.parametrize("step", [*STEPS, None], ids=lambda one: getattr(one, "__name__", "mixed"))
def test_sizes_behind_drawn_operators(step, is_batch_known, tmp_path):
    for seed in range(8):
        rng = random.Random(seed)
        with tf.Graph().as_default() as graph:
            shape = [rng.randint(4, 7) for _ in range(3)]
            x = V1.placeholder(tf.float32, (1, *shape))
            for _ in range(3 if step is None else 1):
                x = (step or rng.choice(STEPS))(rng, x)
                if max(int(n) for n in x.shape[1:]) > 60:
                    x = x[:, :5, :5, :3]
            height, width, channels = (int(n) for n in x.shape[1:])
            V1.image.resize_bilinear(x, [9, 9])
            definition = graph.as_graph_def()
        if not is_batch_known:
            definition.node[0].attr["shape"].shape.dim[0].size = -1
        found = load(definition.SerializeToString(), tmp_path)
        sizes = [(one.input_size, one.channels) for one in found.intents]
        assert sizes == [((height, width), channels)], seed
        assert not found.notices
