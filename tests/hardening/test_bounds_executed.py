"""A small file that is executed (`--reference`) takes neither all memory nor all time.

Sizes that lie are refused before something of that size is made; loops and weights that multiply
end at a number of multiplications.
"""

import os
import time

import numpy as np
import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.verify.kernels import checks
from tests.cli.commands import run
from tests.hardening.test_bounds import MOST, measured
from tests.support import build

pytestmark = pytest.mark.skipif(os.name != "posix", reason="measured by getrusage of POSIX")

SECONDS = 120  # on a busy machine; what is refused at once takes two
SHAPE = (1, 8, 8)
UP = build.DOUBLE
TOO_MANY, TOO_LONG = "more than the 268435456 that are allowed", "multiplications of one run"
LOOP = "loop {{ maxLoopIterations: 9223372036854775807 bodyNetwork {{ {} }} }}"
INNER = 'layers {{ name: "{0}" {1} output: "scores" {2} }}'


def loops(depth):
    text = build.RELU
    for number in range(depth):
        read = "" if number else 'input: "image"'
        text = LOOP.format(INNER.format("in{}".format(number), read, text))
    return text


# name -> layers in the text format, and what is said
LAYERS = {
    "a tile of 2^40": (["tile { reps: 1 reps: 1048576 reps: 1048576 }"], TOO_MANY),
    "a map of 2^40 pixels": (
        ["resizeBilinear { targetSize: 1048576 targetSize: 1048576 }"],
        TOO_MANY,
    ),
    "a side on the way of 2^36": (
        [
            "reshapeStatic { targetShape: 1 targetShape: 64 targetShape: 1 }",
            "tile { reps: 1 reps: 65536 reps: 1 }",
            "resizeBilinear { targetSize: 1 targetSize: 65536 }",
        ],
        TOO_MANY,
    ),
    "numbers up to 10^12": (["rangeStatic { endValue: 1e12 stepSizeValue: 1 }"], TOO_MANY),
    "filled with 2^40": (
        ["fillStatic { value: 1 targetShape: 1048576 targetShape: 1048576 }"],
        TOO_MANY,
    ),
    "weights of 2^60": (
        [
            "expandDims { axes: 0 }",
            "convolution { outputChannels: 1073741824 kernelChannels: 1073741824 kernelSize: 1"
            " kernelSize: 1 valid { } weights { floatValue: 1 } }",
        ],
        TOO_MANY,
    ),
    "padding of 2^40": (
        [
            "constantPad { padAmounts: 0 padAmounts: 0 padAmounts: 0 padAmounts: 1048576"
            " padAmounts: 0 padAmounts: 1048576 }"
        ],
        TOO_MANY,
    ),
    "windows of 2^24": (
        [
            "constantPad { padAmounts: 0 padAmounts: 0 padAmounts: 0 padAmounts: 0"
            " padAmounts: 0 padAmounts: 16777216 }",
            "expandDims { axes: 0 }",
            "pooling { type: MAX kernelSize: 8 kernelSize: 16777216 stride: 1 stride: 1"
            " valid { } }",
        ],
        TOO_LONG,
    ),
    "positions of four numbers": (
        [
            "fillStatic { value: 1 targetShape: 134217728 targetShape: 1 targetShape: 1"
            " targetShape: 1 }",
            "whereNonZero { }",
        ],
        TOO_MANY,
    ),
    "2^27 parts": (
        ["fillStatic { value: 1 targetShape: 134217728 }", "splitND { numSplits: 134217728 }"],
        "cannot cut 134217728 into 134217728 equal parts",
    ),
    "a loop without an end": ([loops(1)], TOO_LONG),
    "loops in loops without an end": ([loops(4)], TOO_LONG),
}


def network(texts):
    model = build.network(SHAPE, texts, version=4, mapping=build.EXACT)
    for layer in model.neuralNetwork.layers:
        if layer.WhichOneof("layer") in ("rangeStatic", "fillStatic", "loop"):
            del layer.input[:]
    return model


def executed(model, folder, shape=SHAPE):
    """What the command says of a model whose reference has one small input."""
    path = build.write(folder, model)
    assert os.path.getsize(path) < 1 << 18
    tensors = os.path.join(str(folder), "tensors.npz")
    np.savez_compressed(tensors, input_image=np.ones(shape, np.float32), output_scores=np.ones(3))
    begun = time.time()
    code, used, said = measured("-m", "coreml_resize_fix", path, "--reference", tensors)
    assert time.time() - begun < SECONDS
    assert used < MOST, used
    assert code == 1, said
    return " ".join(said.split())


@pytest.mark.skipif(
    not schema.knows_ios14(), reason="needs coremltools: pip install 'coremltools>=4'"
)
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_small_network_is_refused_in_time(name, tmp_path):
    texts, says = LAYERS[name]
    assert says in executed(network(texts), tmp_path)


def splat(*dims):
    """A constant of one number for all."""
    return 0.25, dims


def whole(*numbers):
    return numbers, (len(numbers),)


def value_of(given):
    """A Value message of (numbers, dims): floats, whole numbers, a truth value or a text."""
    numbers, dims = given
    numbers = numbers if isinstance(numbers, tuple) else (numbers,)
    value = schema.mil().Value()
    first = numbers[0]
    field, kind = {bool: ("bools", "BOOL"), int: ("ints", "INT32"), str: ("strings", "STRING")}.get(
        type(first), ("floats", "FLOAT32")
    )
    getattr(value.immediateValue.tensor, field).values.extend(numbers)
    typed(value.type, kind, dims)
    return value


def typed(message, kind, dims):
    tensor = message.tensorType
    tensor.dataType, tensor.rank = schema.mil().DataType.Value(kind), len(dims)
    for size in dims:
        tensor.dimensions.add().constant.size = size


def operation(block, kind, output, dims, **inputs):
    """Append one operation to a block; inputs are names, or (numbers, dims); several in a list."""
    made = block.operations.add(type=kind)
    for name, given in inputs.items():
        for one_of in given if isinstance(given, list) else [given]:
            binding = made.inputs[name].arguments.add()
            if isinstance(one_of, str):
                binding.name = one_of
            else:
                binding.value.CopyFrom(value_of(one_of))
    made.outputs.add(name=output)
    typed(made.outputs[0].type, "FLOAT32", dims)
    return made


def looped(block, depth):
    """A loop whose condition always holds, in the body of another one, and so on."""
    made = operation(block, "while_loop", "scores", SHAPE, loop_vars="image")
    condition, body = made.blocks.add(), made.blocks.add()
    for inner in (condition, body):
        inner.inputs.add(name="held")
        typed(inner.inputs[0].type, "FLOAT32", SHAPE)
    operation(condition, "less", "goes_on", (), x=(1.0, ()), y=(2.0, ()))
    condition.outputs.append("goes_on")
    if depth > 1:
        looped(body, depth - 1)
    else:
        operation(body, "relu", "scores", SHAPE, x="image")
    body.outputs.append("scores")


def doubled(block, count):
    """Weights made of weights, each read twice."""
    operation(block, "constexpr_cast", "w0", (1,), source_val=(1.0, (1,)))
    for number in range(count):
        operation(
            block, "constexpr_blockwise_shift_scale", "w{}".format(number + 1), (1,),
            data="w{}".format(number), scale="w{}".format(number),
        )  # fmt: skip
    operation(block, "mul", "scores", SHAPE, x="image", y="w{}".format(count))


def one(kind, **inputs):
    return lambda block: operation(block, kind, "scores", SHAPE, **inputs)


# name -> what makes the operations, and what is said
OPERATIONS = {
    "a tile of 2^40": (one("tile", x="image", reps=whole(1, 1 << 20, 1 << 20)), TOO_MANY),
    "a map of 2^60 pixels": (
        one("resize_bilinear", x="image", target_size_height=(1 << 30, ()),
            target_size_width=(1 << 30, ())), TOO_MANY),
    "a constant of 2^60": (one("add", x="image", y=splat(1 << 30, 1 << 30)), TOO_MANY),
    "channels that multiply": (
        one("prelu", x=splat(1, 1, 1 << 10, 1 << 10), alpha=splat(1 << 20)), "has numbers of"),
    "products of 2^42": (
        one("matmul", x=splat(1 << 14, 1 << 14), y=splat(1 << 14, 1 << 14)), TOO_LONG),
    "sums of 2^56": (
        one("einsum", values=[splat(1 << 14, 1 << 14)] * 2, equation=("ab,cd->", ())), TOO_LONG),
    "a kernel of 2^26": (
        one("conv", x=splat(1, 1, 1 << 14, 1 << 14), weight=splat(1, 1, 1 << 13, 1 << 13)),
        TOO_LONG),
    "a batch of 2^28": (
        one("conv", x=splat(1 << 28, 1, 1, 1), weight=splat(1, 1, 1, 1)), TOO_LONG),
    "a loop without an end": (lambda block: looped(block, 1), TOO_LONG),
    "loops in loops without an end": (lambda block: looped(block, 6), TOO_LONG),
    "weights made of weights": (lambda block: doubled(block, 40), TOO_LONG),
    "a line of a thousand weights": (lambda block: doubled(block, 1000), "of too many others"),
}  # fmt: skip


@pytest.mark.skipif(
    not schema.knows_ios14(), reason="needs coremltools: pip install 'coremltools>=5'"
)
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_small_program_is_refused_in_time(name, tmp_path):
    make, says = OPERATIONS[name]
    assert says in executed(program(make), tmp_path)


@pytest.mark.skipif(
    not schema.knows_ios14(), reason="needs coremltools: pip install 'coremltools>=5'"
)
def test_loops_in_loops_are_not_walked_again_and_again(tmp_path):
    """Each is walked three times, until its sizes are known: fifteen of them 3^15 times."""
    ran = run(build.write(tmp_path, program(lambda block: looped(block, 15))))
    assert ran.code == 2
    assert "more than 200000 operations, each round of a loop counted" in ran.err
    assert run(build.write(tmp_path, program(lambda block: looped(block, 4)))).code == 3


HUGE = 1 << 20
# name -> the resize of an input of 1×8 pixels, and what is asked for
RESIZES = {
    "a column stretched to 2^17 pixels": (
        one("resize_bilinear", x="image", target_size_height=(1 << 17, ()),
            target_size_width=(1, ())), "bicubic"),
    "a map of 2^62 pixels": (
        one("resize_bilinear", x="image", target_size_height=((1 << 31) - 1, ()),
            target_size_width=((1 << 31) - 1, ())), "bilinear"),
    "a factor of 10^30": (
        one("upsample_bilinear", x="image", scale_factor_height=(1e30, ()),
            scale_factor_width=(1e30, ())), "bilinear"),
    "a factor of 2^20": (
        one("upsample_nearest_neighbor", x="image", scale_factor_height=(HUGE, ()),
            scale_factor_width=(HUGE, ())), "nearest-exact"),
}  # fmt: skip


@pytest.mark.skipif(
    not schema.knows_ios14(), reason="needs coremltools: pip install 'coremltools>=5'"
)
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RESIZES))
def test_a_small_program_is_audited_in_little_memory(name, tmp_path):
    make, asked = RESIZES[name]
    path = build.write(tmp_path, program(make, (1, 1, 8, 1)))
    for options in (("--decompose", "--partial"), ("-n", "--report", tmp_path / "report.html")):
        code, used, said = measured("-m", "coreml_resize_fix", path, "--assume", asked, *options)
        assert "defect" not in said, said
        assert code in (0, 1, 2)
        assert used < MOST


def test_a_size_of_zero_hides_no_other():
    """What leads to an empty array may be made all the same, as positions along an axis."""
    for shape in ((0, 1 << 40), (1 << 40, 0, 1)):
        with pytest.raises(checks.KernelError, match="that are allowed"):
            checks.need_room(shape)
    checks.need_room((0, 3, 1 << 20))


def program(make, shape=SHAPE):
    model = build.network(shape, [], version=8)
    model.ClearField("neuralNetwork")
    function = model.mlProgram.functions["main"]
    function.opset = "CoreML8"
    function.inputs.add(name="image")
    typed(function.inputs[0].type, "FLOAT32", shape)
    block = function.block_specializations["CoreML8"]
    make(block)
    block.outputs.append("scores")
    return model
