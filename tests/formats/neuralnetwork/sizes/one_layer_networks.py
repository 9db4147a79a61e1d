"""Networks with a resize that is right, and beside it one layer that fits its inputs or does not.

Each function of KINDS draws one: its parameters, the shapes it reads, and whether they fit, by
arithmetic of its own.
"""

import numpy as np
from google.protobuf import text_format

from coreml_resize_fix.formats.protobuf import schema


def repeated(field, values):
    return " ".join("{}: {}".format(field, value) for value in values)


def edges(amounts):
    return " ".join(
        "borderAmounts {{ startEdgeSize: {} endEdgeSize: {} }}".format(*pair) for pair in amounts
    )


def model(params, shapes, exact, outputs=1):
    """`layers[1]` has these parameters; it reads arrays of these shapes, [C, H, W] at the end."""
    made = schema.model_class()(specificationVersion=4)
    names = ["x{}".format(index) for index in range(len(shapes))]
    for name, dims in [("map", (3, 4, 4))] + list(zip(names, shapes)):
        array = made.description.input.add(name=name).type.multiArrayType
        array.shape.extend(((1,) if exact and len(dims) == 3 else ()) + tuple(dims))
        array.dataType = 65568
    made.description.output.add(name="up").type.multiArrayType.dataType = 65568
    network = made.neuralNetwork
    network.arrayInputShapeMapping = int(exact)
    up = network.layers.add(name="up", input=["map"], output=["up"])
    up.upsample.scalingFactor.extend([2, 2])
    layer = network.layers.add(name="it", input=names)
    layer.output.extend("y{}".format(index) for index in range(outputs))
    text_format.Merge(params, layer)
    return made


def shape(chance, low=1, high=9):
    return tuple(chance.randint(low, high) for _ in range(3))


def near(chance, value):
    """The value itself half of the time, else another one."""
    return value if chance.random() < 0.5 else max(1, value + chance.choice([-2, -1, 1, 2]))


def convolution(chance):
    groups, kernel_channels = chance.randint(1, 3), chance.randint(1, 3)
    dims = (near(chance, groups * kernel_channels),) + shape(chance)[1:]
    kernel, stride, dilation = chance.randint(1, 5), chance.randint(1, 3), chance.randint(1, 2)
    pads = [(chance.randint(0, 1), chance.randint(0, 1)) for _ in range(2)]
    same = chance.random() < 0.3
    outputs = near(chance, 2 * groups)
    text = "convolution {{ outputChannels: {} kernelChannels: {} nGroups: {} {} {} {} {} }}"
    params = text.format(
        outputs, kernel_channels, groups, repeated("kernelSize", [kernel] * 2),
        repeated("stride", [stride] * 2), repeated("dilationFactor", [dilation] * 2),
        "same {}" if same else "valid { paddingAmounts { " + edges(pads) + " } }",
    )  # fmt: skip
    reach = kernel + (kernel - 1) * (dilation - 1)
    room = same or all(size + sum(pad) >= reach for size, pad in zip(dims[1:], pads))
    return params, [dims], dims[0] == groups * kernel_channels and outputs % groups == 0 and room


def deconvolution(chance):
    groups, channels = chance.randint(1, 3), chance.randint(1, 9)
    dims = (near(chance, channels),) + shape(chance)[1:]
    outputs, kernel, cut = near(chance, 2 * groups), chance.randint(1, 4), chance.randint(0, 2)
    params = (
        "convolution {{ isDeconvolution: true outputChannels: {} kernelChannels: {} nGroups: {} {} "
        "valid {{ paddingAmounts {{ {} }} }} }}"
    ).format(
        outputs, channels, groups, repeated("kernelSize", [kernel] * 2), edges([(cut, cut)] * 2)
    )
    room = all(size - 1 + kernel - 2 * cut >= 1 for size in dims[1:])
    whole = outputs % groups == 0 and channels % groups == 0
    return params, [dims], dims[0] == channels and whole and room


def pooling(chance):
    dims, kernel, stride = shape(chance), chance.randint(1, 6), chance.randint(1, 3)
    pads = [(chance.randint(0, 1), chance.randint(0, 1)) for _ in range(2)]
    params = "pooling {{ {} {} valid {{ paddingAmounts {{ {} }} }} }}".format(
        repeated("kernelSize", [kernel] * 2), repeated("stride", [stride] * 2), edges(pads)
    )
    return params, [dims], all(n + sum(pad) >= kernel for n, pad in zip(dims[1:], pads))


def crop(chance):
    dims = shape(chance)
    cuts = [(chance.randint(0, 3), chance.randint(0, 3)) for _ in range(2)]
    params = "crop {{ cropAmounts {{ {} }} }}".format(edges(cuts))
    values = np.zeros(dims)[:, cuts[0][0] :, cuts[1][0] :]
    values = values[
        :, : max(0, values.shape[1] - cuts[0][1]), : max(0, values.shape[2] - cuts[1][1])
    ]
    return params, [dims], values.size > 0


def reflection(chance):
    dims = shape(chance)
    pads = [(chance.randint(0, 4), chance.randint(0, 4)) for _ in range(2)]
    params = "padding {{ reflection {{}} paddingAmounts {{ {} }} }}".format(edges(pads))
    return params, [dims], all(max(pad) <= n - 1 for n, pad in zip(dims[1:], pads))


def batch_normalization(chance):
    dims = shape(chance)
    channels = near(chance, dims[0])
    return "batchnorm {{ channels: {} }}".format(channels), [dims], channels == dims[0]


def values_for(chance, dims):
    sizes = tuple(chance.choice([1, near(chance, size)]) for size in dims)
    sizes = sizes if chance.random() < 0.5 else sizes[:1]
    return sizes, all(have in (1, size) for have, size in zip(sizes, dims))


def bias(chance):
    dims = shape(chance)
    sizes, fits = values_for(chance, dims)
    return "bias {{ {} }}".format(repeated("shape", sizes)), [dims], fits


def scale(chance):
    dims, has_bias = shape(chance), chance.random() < 0.5
    sizes, fits = values_for(chance, dims)
    more, more_fit = values_for(chance, dims)
    params = "scale {{ {} hasBias: {} {} }}".format(
        repeated("shapeScale", sizes), str(has_bias).lower(), repeated("shapeBias", more)
    )
    return params, [dims], fits and (more_fit or not has_bias)


def prelu(chance):
    dims = shape(chance)
    count = chance.choice([1, near(chance, dims[0])])
    params = "activation {{ PReLU {{ alpha {{ {} }} }} }}".format(
        repeated("floatValue", [0.5] * count)
    )
    return params, [dims], count in (1, dims[0])


def inner_product(chance):
    dims = shape(chance)
    given = near(chance, int(np.prod(dims)))
    params = "innerProduct {{ inputChannels: {} outputChannels: 3 }}".format(given)
    return params, [dims], given == dims[0] * dims[1] * dims[2]


def matmul(chance):
    dims = shape(chance)
    rows = near(chance, dims[2])
    params = "batchedMatmul {{ weightMatrixFirstDimension: {} weightMatrixSecondDimension: 4 }}"
    return params.format(rows), [dims], rows == dims[2]


def matmul_of_two(chance):
    (a, b, c), columns = shape(chance), chance.randint(1, 5)
    flags = chance.random() < 0.5, chance.random() < 0.5
    one, other = (near(chance, a), b, c), (chance.choice([1, a]), near(chance, c), columns)
    left, right = (np.zeros(dims) for dims in (one, other))
    stored = [dims.swapaxes(1, 2).shape if flag else dims.shape
              for dims, flag in zip((left, right), flags)]  # fmt: skip
    params = "batchedMatmul {{ transposeA: {} transposeB: {} }}".format(
        *(str(f).lower() for f in flags)
    )
    return params, stored, numpy_takes(np.matmul, left, right)


def embedding(chance):
    dims = chance.choice([(1, 1, 1), shape(chance, high=2)])
    params = "embedding { inputDim: 9 outputChannels: 3 }"
    return params, [dims], dims == (1, 1, 1)


def add(chance):
    dims = shape(chance)
    other = tuple(chance.choice([1, size, near(chance, size)]) for size in dims)
    return "add {}", [dims, other], numpy_takes(np.add, np.zeros(dims), np.zeros(other))


def concat(chance):
    dims = shape(chance)
    other = (chance.randint(1, 4),) + tuple(
        near(chance, n) if chance.random() < 0.5 else n for n in dims[1:]
    )
    return "concat {}", [dims, other], dims[1:] == other[1:]


def split(chance):
    dims, parts = (chance.randint(2, 12),) + shape(chance)[1:], chance.randint(2, 4)
    return "split {{ nOutputs: {} }}".format(parts), [dims], dims[0] % parts == 0


def layer_normalization(chance):
    dims = shape(chance)
    last = tuple(near(chance, n) for n in dims[-chance.randint(1, 3) :])
    params = "layerNormalization {{ {} }}".format(repeated("normalizedShape", last))
    return params, [dims], dims[-len(last) :] == last


def reshape(chance):
    dims = shape(chance)
    total = dims[0] * dims[1] * dims[2]
    one = chance.choice([n for n in range(1, total + 1) if total % n == 0])
    target = chance.choice(
        [(1, one, total // one), (1, near(chance, one), -1), (1, one, total + 1)]
    )
    return (
        "reshapeStatic {{ {} }}".format(repeated("targetShape", target)),
        [dims],
        numpy_takes(np.reshape, np.zeros(dims), target),
    )


def space_to_depth(chance):
    dims, block = shape(chance), chance.randint(2, 3)
    params = "reorganizeData {{ mode: SPACE_TO_DEPTH blockSize: {} }}".format(block)
    return params, [dims], dims[1] % block == 0 and dims[2] % block == 0


def numpy_takes(function, *arguments):
    try:
        function(*arguments)
    except ValueError:
        return False
    return True


KINDS = (
    convolution, deconvolution, pooling, crop, reflection, batch_normalization, bias, scale, prelu,
    inner_product, matmul, matmul_of_two, embedding, add, concat, split, layer_normalization,
    reshape, space_to_depth,
)  # fmt: skip
