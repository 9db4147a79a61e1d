"""Run an ML Program with PyTorch, coremltools' messages and the weight file, without the package.

Everything is computed in double precision, from the weights as they are stored. Resizes sample
where Apple documents it (the operators of MIL), as matrices along each axis. `single` says whether
the product of a size and a factor is floored in single or in double precision, which is not
documented.
"""

import json
import math
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from coremltools import proto

BITS = {9: 1, 10: 2, 11: 4, 12: 3, 13: 6}  # of types below a byte, packed from the lowest bit on
INT4 = 8
BLOB_TYPES = {1: np.float16, 2: np.float32, 3: np.uint8, 4: np.int8, 6: np.int16, 7: np.uint16}
PACKED = {"FLOAT16": "<f2", "INT8": "i1", "UINT8": "u1", "INT16": "<i2", "UINT16": "<u2",
          "UINT32": "<u4", "INT32": "<i4"}  # fmt: skip
RESIZES = {}
OPERATIONS = {}


class Package:
    """A .mlpackage that was read whole."""

    def __init__(self, path):
        folder = Path(path) / "Data"
        entries = json.loads((Path(path) / "Manifest.json").read_text())["itemInfoEntries"].values()
        (model,) = [one["path"] for one in entries if one["path"].endswith(".mlmodel")]
        self.root = (folder / model).parent
        self.spec = proto.Model_pb2.Model()
        self.spec.ParseFromString((folder / model).read_bytes())
        self.weights = {}

    def run(self, inputs, single=True, on_resize=None, function="main"):
        """Outputs by name; see `block` for `on_resize`. Programs of a pipeline run in order."""
        if self.spec.WhichOneof("Type") != "pipeline":
            return self.program(self.spec.mlProgram, inputs, single, on_resize, function)
        values = dict(inputs)
        for model in self.spec.pipeline.models:
            values.update(self.program(model.mlProgram, values, single, on_resize, function))
        return {one.name: values[one.name] for one in self.spec.description.output}

    def program(self, program, inputs, single=True, on_resize=None, function="main"):
        """Outputs of a function by name."""
        function = program.functions[function]
        names = {
            one.name: torch.from_numpy(np.asarray(inputs[one.name])) for one in function.inputs
        }
        values = {name: value.double() for name, value in names.items()}
        made = self.block(function.block_specializations[function.opset], values, single, on_resize)
        outputs = function.block_specializations[function.opset].outputs
        return dict(zip(outputs, [one.numpy() for one in made]))

    def block(self, block, values, single, on_resize):
        """What a block gives; `on_resize` gets the name of every resize, a function from an image
        to what it makes of it, and its image, and returns what it is to have made."""
        values = dict(values)
        for operation in block.operations:
            if operation.type == "const":
                values[operation.outputs[0].name] = self.value(operation.attributes["val"])
                continue
            given = {
                name: [
                    values[one.name]
                    if one.WhichOneof("binding") == "name"
                    else self.value(one.value)
                    for one in argument.arguments
                ]
                for name, argument in operation.inputs.items()
            }
            # Before iOS 18 the constants of compressed weights are attributes.
            attributes = operation.attributes if operation.type.startswith("constexpr") else {}
            given.update((k, [self.value(v)]) for k, v in attributes.items() if k != "name")
            single_ones = {name: one[0] for name, one in given.items() if name != "values"}
            if operation.type in RESIZES:
                made = resized(operation, single_ones, single, on_resize)
            elif operation.type == "cond":
                inner = operation.blocks[0 if bool(single_ones["pred"]) else 1]
                made = self.block(inner, values, single, on_resize)
            elif operation.type == "while_loop":
                made = self.loop(operation, given["loop_vars"], values, single, on_resize)
            elif operation.type == "write_state":
                values[operation.inputs["input"].arguments[0].name] = single_ones["data"]
                made = []
            elif operation.type in OPERATIONS:
                made = OPERATIONS[operation.type](**{**single_ones, **only(given, "values")})
            else:
                raise NotImplementedError(operation.type)
            several = made if isinstance(made, (list, tuple)) else [made]
            values.update(zip((one.name for one in operation.outputs), several))
        return [values[name] for name in block.outputs]

    def loop(self, operation, variables, values, single, on_resize):
        condition, body = operation.blocks
        while True:
            inside = {**values, **dict(zip((one.name for one in body.inputs), variables))}
            inside.update(zip((one.name for one in condition.inputs), variables))
            (goes_on,) = self.block(condition, inside, single, on_resize)
            if not bool(goes_on):
                return variables
            variables = self.block(body, inside, single, on_resize)

    def value(self, message):
        tensor = message.type.tensorType
        shape = [int(one.constant.size) for one in tensor.dimensions]
        if message.WhichOneof("value") == "blobFileValue":
            array = self.blob(message.blobFileValue)
        else:
            held = message.immediateValue.tensor
            field = held.WhichOneof("value")
            if field == "strings":
                return held.strings.values[0]
            if field == "bytes":
                kind = proto.MIL_pb2.DataType.Name(tensor.dataType)
                array = np.frombuffer(held.bytes.values, PACKED[kind])
            else:
                array = np.array(getattr(held, field).values)
        return tensor_of(array[: math.prod(shape)].reshape(shape))

    def blob(self, reference):
        path = self.root / reference.fileName.replace("@model_path/", "")
        if path not in self.weights:
            self.weights[path] = path.read_bytes()
        data, at = self.weights[path], reference.offset
        mark, kind, size, offset = struct.unpack_from("<IIQQ", data, at)
        assert mark == 0xDEADBEEF
        held = data[offset : offset + size]
        if kind == INT4:
            numbers = unpacked(np.frombuffer(held, np.uint8), 4).astype(np.int8)
            return np.where(numbers < 8, numbers, numbers - 16)
        if kind in BITS:
            return unpacked(np.frombuffer(held, np.uint8), BITS[kind])
        return np.frombuffer(held, BLOB_TYPES[kind])


def only(given, name):
    return {name: given[name]} if name in given else {}


def tensor_of(array):
    if array.dtype.kind == "f":
        return torch.from_numpy(array.astype(np.float64))
    return torch.from_numpy(array if array.dtype.kind == "b" else array.astype(np.int64))


def unpacked(packed, bits):
    """Numbers of a few bits each; the last ones may be padding."""
    every = np.unpackbits(packed, bitorder="little")
    every = every[: len(every) // bits * bits].reshape(-1, bits)
    return (every * (1 << np.arange(bits))).sum(1)


# Resizes


def resized(operation, given, single, on_resize):
    image = given.pop("x")

    def make(x):
        return RESIZES[operation.type](x, single=single, **given)

    return make(image) if on_resize is None else on_resize(operation, make, image)


def resize_of(*kinds):
    def keep(function):
        RESIZES.update(dict.fromkeys(kinds, function))
        return function

    return keep


def floored(size, factor, single):
    """The product, floored: factors are stored in single precision, if they are fractions."""
    kind = np.float32 if single else np.float64
    return int(np.floor(kind(np.float32(float(factor))) * kind(size)))


def along(x, axis, positions, nearest=None):
    """Sample at positions in pixels along an axis, inside the image."""
    count = x.shape[axis]
    at = torch.as_tensor(positions, dtype=torch.float64).clamp(0, count - 1)
    matrix = torch.zeros(len(at), count, dtype=torch.float64)
    rows = torch.arange(len(at))
    if nearest is not None:
        matrix[rows, nearest(at).long().clamp(0, count - 1)] = 1
    else:
        low = at.floor().long()
        matrix[rows, low] += 1 - (at - low)
        matrix[rows, (low + 1).clamp(max=count - 1)] += at - low
    return torch.moveaxis(torch.moveaxis(x, axis, -1) @ matrix.T, -1, axis)


def places(mode, count, made):
    """Where each mode samples: the docstring of MIL's resize_bilinear."""
    at = np.arange(made)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if made == 1:
            return np.array([0.0 if mode.startswith("STRICT") else (count - 1) / 2])
        return at * (count - 1) / (made - 1)
    if mode == "DEFAULT":
        return at * count / made
    if mode == "UNALIGN_CORNERS":
        return (at + 0.5) * count / made - 0.5
    step = max(1, count - 1) / made
    return step / 2 + at * step


@resize_of("upsample_bilinear")
def upsample_bilinear(
    x, single, scale_factor_height=1, scale_factor_width=1, align_corners=True,
    half_pixel_centers=None,
):  # fmt: skip
    if align_corners:
        mode = "STRICT_ALIGN_CORNERS"
    else:
        is_half = half_pixel_centers is None or bool(half_pixel_centers)
        mode = "UNALIGN_CORNERS" if is_half else "DEFAULT"
    for axis, factor in ((-2, scale_factor_height), (-1, scale_factor_width)):
        x = along(x, axis, places(mode, x.shape[axis], floored(x.shape[axis], factor, single)))
    return x


@resize_of("upsample_nearest_neighbor")
def upsample_nearest(x, single, scale_factor_height=1, scale_factor_width=1):
    for axis, factor in ((-2, scale_factor_height), (-1, scale_factor_width)):
        x = nearest(x, axis, floored(x.shape[axis], factor, single))
    return x


@resize_of("resize_nearest_neighbor")
def resize_nearest(x, single, target_size_height, target_size_width):
    return nearest(nearest(x, -2, int(target_size_height)), -1, int(target_size_width))


def nearest(x, axis, made):
    return x.index_select(axis % x.dim(), torch.arange(made) * x.shape[axis] // made)


@resize_of("resize_bilinear")
def resize_bilinear(x, single, target_size_height=1, target_size_width=1, sampling_mode="DEFAULT"):
    for axis, made in ((-2, target_size_height), (-1, target_size_width)):
        x = along(x, axis, places(sampling_mode, x.shape[axis], int(made)))
    return x


@resize_of("resize")
def resize(x, single, shape, resized_dims, interpolation_mode="LINEAR", sampling_mode="DEFAULT"):
    for back in range(int(resized_dims)):
        axis = -1 - back
        made = int(shape[axis]) or x.shape[axis]
        rounding = torch.round if interpolation_mode == "NEAREST_NEIGHBOR" else None
        x = along(x, axis, places(sampling_mode, x.shape[axis], made), rounding)
    return x


# All other operations


def operation(*kinds):
    def keep(function):
        OPERATIONS.update(dict.fromkeys(kinds or [function.__name__], function))
        return function

    return keep


def table(**functions):
    OPERATIONS.update(functions)


def whole(values):
    return [int(one) for one in values.reshape(-1)]


table(
    identity=lambda x: x,
    read_state=lambda **given: given["input"],
    less=lambda x, y: x < y,
    relu=lambda x: x.clamp(min=0),
    relu6=lambda x: x.clamp(0, 6),
    clip=lambda x, alpha, beta: x.clamp(float(alpha), float(beta)),
    leaky_relu=lambda x, alpha: F.leaky_relu(x, float(alpha)),
    sigmoid=lambda x: torch.sigmoid(x),
    silu=lambda x: F.silu(x),
    tanh=lambda x: torch.tanh(x),
    sqrt=lambda x: torch.sqrt(x),
    square=lambda x: x * x,
    reverse=lambda x, axes: x.flip(whole(axes)),
    instance_norm=lambda x, gamma=None, beta=None, epsilon=1e-5: F.instance_norm(
        x, weight=gamma, bias=beta, eps=float(epsilon)
    ),
    reduce_argmax=lambda x, axis=-1, keep_dims=False, output_dtype="int32": x.argmax(
        int(axis), bool(keep_dims)
    ),
    scaled_dot_product_attention=lambda query, key, value: F.scaled_dot_product_attention(
        query, key, value
    ),
    softmax=lambda x, axis=-1: torch.softmax(x, int(axis)),
    add=lambda x, y: x + y,
    sub=lambda x, y: x - y,
    mul=lambda x, y: x * y,
    real_div=lambda x, y: x / y,
    floor_div=lambda x, y: torch.div(x, y, rounding_mode="floor"),
    maximum=lambda x, y: torch.maximum(x, y),
    minimum=lambda x, y: torch.minimum(x, y),
    greater=lambda x, y: x > y,
    select=lambda cond, a, b: torch.where(cond, a, b),
    shape=lambda x: torch.tensor(x.shape),
    transpose=lambda x, perm: x.permute(*whole(perm)),
    reshape=lambda x, shape: x.reshape([
        x.shape[i] if size == 0 else size for i, size in enumerate(whole(shape))
    ]),
    linear=lambda x, weight, bias=None: F.linear(x, weight, bias),
    pixel_shuffle=lambda x, upscale_factor: F.pixel_shuffle(x, int(upscale_factor)),
    concat=lambda values, axis, interleave=False: torch.cat(
        [one.reshape(-1) if one.dim() == 0 else one for one in values], int(axis)
    ),
    stack=lambda values, axis: torch.stack(values, int(axis)),
)  # fmt: skip


@operation()
def cast(x, dtype):
    if dtype.startswith("fp"):
        return x.double()
    return x.bool() if dtype == "bool" else x.long()


@operation()
def expand_dims(x, axes):
    for axis in sorted(whole(axes)):
        x = x.unsqueeze(axis)
    return x


@operation()
def squeeze(x, axes=None):
    return x.squeeze() if axes is None else x.squeeze(tuple(whole(axes)))


@operation()
def matmul(x, y, transpose_x=False, transpose_y=False):
    x = x.transpose(-1, -2) if transpose_x else x
    return x @ (y.transpose(-1, -2) if transpose_y else y)


@operation()
def layer_norm(x, axes, gamma=None, beta=None, epsilon=1e-5):
    dims = sorted(axis % x.dim() for axis in whole(axes))
    assert dims == list(range(x.dim() - len(dims), x.dim()))
    return F.layer_norm(x, x.shape[dims[0] :], gamma, beta, float(epsilon))


@operation()
def crop(x, crop_height, crop_width):
    (top, bottom), (left, right) = whole(crop_height), whole(crop_width)
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


@operation()
def batch_norm(x, mean, variance, gamma=None, beta=None, epsilon=1e-5):
    return F.batch_norm(x, mean, variance, gamma, beta, eps=float(epsilon))


def reduction(function):
    def reduce(x, axes=None, keep_dims=False):
        dims = tuple(whole(axes)) if axes is not None else tuple(range(x.dim()))
        return function(x, dim=dims, keepdim=bool(keep_dims))

    return reduce


table(
    reduce_mean=reduction(torch.mean),
    reduce_sum=reduction(torch.sum),
    reduce_max=reduction(torch.amax),
    reduce_min=reduction(torch.amin),
)


@operation()
def gather(x, indices, axis=0, batch_dims=0, validate_indices=False):
    assert int(batch_dims) == 0
    taken = x.index_select(int(axis), indices.reshape(-1))
    dims = list(x.shape)
    dims[int(axis) : int(axis) % x.dim() + 1] = indices.shape
    return taken.reshape(dims)


@operation()
def slice_by_index(
    x, begin, end, stride=None, begin_mask=None, end_mask=None, squeeze_mask=None
):  # fmt: skip
    def flags(mask):
        return [bool(one) for one in mask] if mask is not None else [False] * x.dim()

    steps = whole(stride) if stride is not None else [1] * x.dim()
    rows = zip(whole(begin), whole(end), steps, *map(flags, (begin_mask, end_mask, squeeze_mask)))
    taken = tuple(
        first if single else slice(None if open_ else first, None if endless else last, step)
        for first, last, step, open_, endless, single in rows
    )
    return x[taken]


@operation()
def slice_by_size(x, begin, size):
    return x[
        tuple(
            slice(first, None if length == -1 else first + length)
            for first, length in zip(whole(begin), whole(size))
        )
    ]


@operation()
def split(x, axis, num_splits=None, split_sizes=None):
    if split_sizes is not None:
        return x.split(whole(split_sizes), int(axis))
    return x.chunk(int(num_splits), int(axis))


@operation()
def pad(x, pad, mode="constant", constant_val=0.0):
    sizes = whole(pad)
    pairs = [(sizes[i], sizes[i + 1]) for i in range(0, len(sizes), 2)]
    while len(pairs) > 2 and pairs[0] == (0, 0):
        pairs.pop(0)
    flat = [size for pair in reversed(pairs) for size in pair]
    more = {"value": float(constant_val)} if mode == "constant" else {}
    return F.pad(x, flat, {"reflect": "reflect", "replicate": "replicate"}.get(mode, mode), **more)


def around(x, kernel, strides, dilations, pad_type, pad):
    """Padding before and after of each axis."""
    if pad_type == "valid":
        return [(0, 0)] * len(kernel)
    if pad_type == "custom":
        sizes = whole(pad)
        return list(zip(sizes[::2], sizes[1::2]))
    found = []
    for size, width, step, rate in zip(x.shape[2:], kernel, strides, dilations):
        room = max((-(-size // step) - 1) * step + (width - 1) * rate + 1 - size, 0)
        found.append((room // 2, room - room // 2))
    return found if pad_type == "same" else [(after, before) for before, after in found]


def padded(x, sizes, value=0.0):
    return F.pad(x, [size for pair in reversed(sizes) for size in pair], value=value)


@operation()
def conv(
    x, weight, bias=None, strides=None, pad_type="valid", pad=None, dilations=None, groups=1
):  # fmt: skip
    strides = whole(strides) if strides is not None else [1, 1]
    dilations = whole(dilations) if dilations is not None else [1, 1]
    x = padded(x, around(x, weight.shape[2:], strides, dilations, pad_type, pad))
    return F.conv2d(x, weight, bias, strides, 0, dilations, int(groups))


@operation()
def conv_transpose(
    x, weight, bias=None, strides=None, pad_type="valid", pad=None, dilations=None, groups=1,
    output_shape=None,
):  # fmt: skip
    strides = whole(strides) if strides is not None else [1, 1]
    assert pad_type in ("valid", "custom")
    made = F.conv_transpose2d(x, weight, bias, strides, groups=int(groups))
    if output_shape is not None and pad_type == "valid":
        assert list(made.shape) == whole(output_shape)
    sizes = whole(pad) if pad_type == "custom" else [0, 0, 0, 0]
    bottom, right = made.shape[-2] - sizes[1], made.shape[-1] - sizes[3]
    return made[..., sizes[0] : bottom, sizes[2] : right]


@operation()
def avg_pool(
    x, kernel_sizes, strides=None, pad_type="valid", pad=None, exclude_padding_from_average=False,
    ceil_mode=False,
):  # fmt: skip
    return pooled(
        x, kernel_sizes, strides, pad_type, pad, ceil_mode,
        lambda part: part.mean((-1, -2)), 0.0, bool(exclude_padding_from_average),
    )  # fmt: skip


@operation()
def max_pool(x, kernel_sizes, strides=None, pad_type="valid", pad=None, ceil_mode=False):
    return pooled(
        x, kernel_sizes, strides, pad_type, pad, ceil_mode, lambda part: part.amax((-1, -2)),
        -np.inf, False,
    )  # fmt: skip


def pooled(x, kernel, strides, pad_type, pad, ceil_mode, reduce, value, exclude):
    assert not bool(ceil_mode)
    kernel = whole(kernel)
    strides = whole(strides) if strides is not None else [1, 1]
    sizes = around(x, kernel, strides, [1, 1], pad_type, pad)

    def windows(image, filled):
        image = padded(image, sizes, filled)
        return image.unfold(2, kernel[0], strides[0]).unfold(3, kernel[1], strides[1])

    made = reduce(windows(x, value))
    return made / reduce(windows(torch.ones_like(x), 0.0)) if exclude else made


@operation()
def constexpr_affine_dequantize(quantized_data, zero_point, scale, axis):
    def spread(one):
        sides = [1] * quantized_data.dim()
        sides[int(axis)] = -1
        return one if one.dim() == 0 else one.reshape(sides)

    return (quantized_data - spread(zero_point)).double() * spread(scale)


@operation()
def constexpr_lut_to_dense(indices, lut, shape=None):
    if shape is None:  # from iOS 18 on: tables for parts of the tensor, of vectors
        assert lut.shape[-1] == 1
        table = spread_out(lut[..., 0], indices.shape)
        return table.gather(-1, indices[..., None])[..., 0]
    bits = int(math.log2(lut.numel()))
    sides = whole(shape)
    places = unpacked(indices.numpy().astype(np.uint8), bits)[: math.prod(sides)]
    return lut[torch.from_numpy(places)].reshape(sides)


@operation()
def constexpr_sparse_to_dense(nonzero_data, mask, shape=None):
    if shape is None:
        sides, kept = list(mask.shape), mask.reshape(-1)
    else:
        sides = whole(shape)
        kept = torch.from_numpy(unpacked(mask.numpy().astype(np.uint8), 1)[: math.prod(sides)])
    made = torch.zeros(math.prod(sides), dtype=torch.float64)
    made[kept.bool()] = nonzero_data
    return made.reshape(sides)


@operation()
def constexpr_blockwise_shift_scale(data, scale, offset=None):
    offset = 0 if offset is None else spread_out(offset, data.shape)
    return (data.double() - offset) * spread_out(scale, data.shape)


def spread_out(one, shape):
    """Each number for as many elements as it stands for, along each axis of `shape`."""
    for axis, size in enumerate(shape):
        one = one.repeat_interleave(size // one.shape[axis], axis)
    return one


@operation()
def constexpr_sparse_blockwise_shift_scale(data_mask, nonzero_data, scale, offset=None):
    kept = data_mask.bool()
    offset = 0 if offset is None else spread_out(offset, kept.shape)[kept]
    return data_mask, (nonzero_data.double() - offset) * spread_out(scale, kept.shape)[kept]


@operation()
def constexpr_lut_to_sparse(indices_mask, indices_nonzero_data, lut):
    assert set(lut.shape[:-2]) == {1}
    return indices_mask, lut.reshape(-1)[indices_nonzero_data]
