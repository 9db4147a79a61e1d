"""Structure: nested blocks, scopes, inline values, several functions, and what is refused."""

import logging

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.errors import ModelError, SchemaError
from coreml_resize_fix.formats.mlprogram import (
    constants,
    network,
    program,
    reader,
    scopes,
)
from coreml_resize_fix.formats.mlprogram.program import FileReference
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Flexible, Known, Unknown
from tests.formats.mlprogram import build, files
from tests.formats.mlprogram.build import mb

logging.disable(logging.WARNING)


def enlarged(x, factor=2, name=None):
    more = {"name": name} if name else {}
    return mb.upsample_bilinear(
        x=x, scale_factor_height=factor, scale_factor_width=factor, align_corners=False, **more
    )


def branching(x):
    """Both branches enlarge; one of them reads a factor from outside."""
    outer = mb.const(val=2.0, name="outer_factor")
    flag = mb.greater(x=mb.reduce_sum(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=0.0)

    def yes():
        return mb.upsample_bilinear(
            x=x, scale_factor_height=outer, scale_factor_width=2.0, name="in_yes"
        )

    def no():
        return mb.upsample_nearest_neighbor(
            x=mb.relu(x=x), scale_factor_height=2, scale_factor_width=2, name="in_no"
        )

    return mb.cond(pred=flag, _true_fn=yes, _false_fn=no, name="chosen")


def looping(x):
    def go_on(count, image):
        return mb.less(x=count, y=3.0)

    def body(count, image):
        larger = mb.resize_bilinear(
            x=image, target_size_height=4, target_size_width=6, name="in_loop"
        )
        return mb.add(x=count, y=1.0), mb.relu(x=larger)

    return mb.while_loop(_cond=go_on, _body=body, loop_vars=(np.float32(0), x), name="looped")[1]


def read(data):
    return reader.read(Source(data))


def only(data):
    (found,) = network.networks(read(data)).values()
    return found


def test_resizes_inside_branches():
    found = only(build.model_file(build.program(branching, (1, 2, 4, 6))))
    inside = {one.names[0]: one for one in found.resizes()}
    owner = next(one for one in found.function.block.operations if one.kind == "cond")
    assert inside["in_yes"].nested
    assert inside["in_yes"].address.startswith(owner.address + ".blocks[0]/ops[")
    assert inside["in_no"].address.startswith(owner.address + ".blocks[1]/ops[")
    # The factor of the first is a constant of the block around it.
    assert inside["in_yes"].params.factors == (2, 2)
    shapes = found.shapes()
    assert shapes.layers[owner.address].outputs == (Known((1, 2, 8, 12)),)
    assert shapes.varies
    one_sided = found.shapes({inside["in_yes"].address: (9, 12)})
    (made,) = one_sided.layers[owner.address].outputs
    assert isinstance(made, Unknown)
    assert made.dims == (1, 2, None, 12)
    assert "branch" in made.reason
    both = found.shapes({one.address: (9, 12) for one in inside.values()})
    assert both.layers[owner.address].outputs == (Known((1, 2, 9, 12)),)


def test_resizes_inside_loops():
    found = only(build.model_file(build.program(looping, (1, 2, 4, 6))))
    (inside,) = found.resizes()
    assert ".blocks[1]/ops[" in inside.address
    assert list(found.shapes().outputs.values()) == [Known((1, 2, 4, 6))]
    grown = found.shapes({inside.address: (5, 6)})
    (made,) = grown.outputs.values()
    assert isinstance(made, Unknown)
    assert "loop" in made.reason


def test_addresses_count_every_operation():
    """Also against the parsed file, in which constants are operations like all others."""
    data = build.model_file(build.program(branching, (1, 2, 4, 6)))
    model = schema.model_class()()
    model.ParseFromString(data)
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    for one in program.operations(read(data).functions[0].block):
        place = block
        steps = one.address.split("/")[1:]
        for step in steps:
            number = int(step[step.index("[") + 1 : step.index("]")])
            operation = place.operations[number]
            if ".blocks[" in step:
                place = operation.blocks[int(step.rpartition("[")[2][:-1])]
        assert operation.outputs[0].name == one.outputs[0].name
        assert operation.type == one.kind


def test_flexible_inputs():
    inputs = [build.ct.TensorType(name="x", shape=(1, 2, build.ct.RangeDim(4, 64, 6), 8))]

    def make(x):
        return enlarged(mb.relu(x=x), 1.5)

    shape = (1, 2, build.symbol(), 8)
    found = only(build.model_file(build.program(make, shape), inputs=inputs))
    shapes = found.shapes()
    assert shapes.flexible_inputs == ("x",)
    (made,) = shapes.outputs.values()
    assert made == Flexible(((1, 1), (2, 2), (6, 96), (12, 12)))
    assert made.default == (1, 2, 9, 12)
    assert made.samples[0] == (1, 2, 9, 12)


def test_an_operation_without_a_rule_where_sizes_vary():
    """What the file declares of it is known nevertheless."""
    model = parsed("ct9_ex17_range_other_bilF")
    (conv,) = (one for one in main_block(model).operations if one.type == "conv")
    conv.type = "newer_conv"
    (found,) = network.networks(read(model.SerializeToString())).values()
    (resize,) = found.resizes()
    (given,) = found.shapes().layers[resize.address].inputs[:1]
    assert isinstance(given, Unknown)
    assert given.dims == (1, 3, None, None)
    assert "no size rule for `newer_conv`" in given.reason


def test_the_program_knows_its_inputs_better_than_the_description():
    model = parsed("ct9_ml17_nn_sf2p3")
    model.description.input[0].type.multiArrayType.shape[2] = 99
    for described in (True, False):
        if not described:
            del model.description.input[:]
        (one,) = network.networks(read(model.SerializeToString())).values()
        assert one.function.samples.shapes[0]["x"].dims == (1, 3, 10, 12)
        assert one.shapes().conflicts == ()


def test_inline_values():
    """Another writer binds values where coremltools has constants of their own."""
    data = build.model_file(build.program(lambda x: enlarged(x, 3, "up"), (1, 2, 4, 6)))
    found = only(build.inline(data))
    (one,) = found.resizes()
    assert one.address == "main/ops[0]"
    assert str(one.params) == "upsample_bilinear ×3,3 align_corners=false"
    assert found.shapes({one.address: (5, 5)}).outputs == {
        found.function.block.outputs[0]: Known((1, 2, 5, 5))
    }


def test_constants():
    def make(x):
        half = mb.const(val=np.array([0.5, -2], np.float16), name="half")
        few = mb.const(val=np.array([1, 255], np.uint8), name="few")
        return mb.identity(x=x), mb.identity(x=half), mb.identity(x=few)

    data = build.model_file(build.program(make, (1, 1, 2, 2), 17), 17)
    found = {one.name: one for one in program.operations(read(data).functions[0].block)}
    assert constants.numbers(found["half"].attributes["val"]) == (0.5, -2.0)
    assert constants.numbers(found["few"].attributes["val"]) == (1, 255)
    resize = read(files.model("mil_ml17_resize_nearest")).functions[0]
    held = {
        name: scope.parameter(one, name)
        for one, scope in scopes.walk(resize)
        if one.kind == "resize"
        for name in one.inputs
    }
    assert constants.numbers(held["resized_dims"]) == (2,)  # uint32, packed in bytes
    assert constants.text(held["interpolation_mode"]) == "NEAREST_NEIGHBOR"


def test_values_in_the_weight_file_are_named():
    found = read(files.model("ct9_ex17_range_other_bilF")).functions[0]
    kept = [one.attributes["val"].file for one in program.operations(found.block)
            if one.kind == "const" and one.attributes["val"].file]  # fmt: skip
    assert kept
    assert all(isinstance(one, FileReference) for one in kept)
    assert {one.file_name for one in kept} == {"@model_path/weights/weight.bin"}
    assert all(one.offset % 64 == 0 and one.offset > 0 for one in kept)


def test_several_functions():
    model = parsed("ct9_ml17_nn_sf2p3")
    model.mlProgram.functions["other"].CopyFrom(model.mlProgram.functions["main"])
    model.mlProgram.functions["aside"].CopyFrom(model.mlProgram.functions["main"])
    found = network.networks(read(model.SerializeToString()))
    assert list(found) == ["main", "aside", "other"]
    assert [one.resizes()[0].address for one in found.values()] == [
        "main/ops[2]", "aside/ops[2]", "other/ops[2]",
    ]  # fmt: skip


# --- what makes no sense ---


def parsed(name):
    model = schema.model_class()()
    model.ParseFromString(files.model(name))
    return model


def main_block(model):
    function = model.mlProgram.functions["main"]
    return function.block_specializations[function.opset]


def no_block(model):
    model.mlProgram.functions["main"].opset = "CoreML99"


def no_function(model):
    model.mlProgram.functions.clear()


def twice(model):
    block = main_block(model)
    block.operations.add().CopyFrom(block.operations[2])


def cycle(model):
    main_block(model).operations[2].inputs["x"].arguments[0].name = "var_6"


def missing(model):
    main_block(model).operations[2].inputs["x"].arguments[0].name = "nothing"


def no_output(model):
    main_block(model).outputs[0] = "nothing"


def deep(model):
    block = main_block(model)
    for _ in range(reader.DEEPEST + 1):
        block = block.operations.add(type="cond").blocks.add()


def huge(model):
    kind = main_block(model).operations[2].outputs[0].type.tensorType
    kind.dimensions[2].constant.size = 2**63


def many(model):
    del main_block(model).operations[:]
    del main_block(model).outputs[:]
    main_block(model).operations.add(type="const")


REFUSED = [no_block, no_function, twice, cycle, missing, no_output, deep, huge]


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_structure_that_makes_no_sense(change):
    model = parsed("ct9_ml17_nn_sf2p3")
    change(model)
    with pytest.raises(ModelError) as caught:
        read(model.SerializeToString())
    assert caught.value.hint
    assert str(caught.value)[0].islower() or str(caught.value)[0] == "`"


def test_bounds(monkeypatch):
    monkeypatch.setattr(reader, "MOST_OPERATIONS", 2)
    with pytest.raises(ModelError, match="more than 2 operations"):
        read(files.model("ct9_ml17_nn_sf2p3"))
    monkeypatch.setattr(reader, "LARGEST", 100)
    with pytest.raises(ModelError, match="at most 100 are read"):
        read(files.model("ct9_ml17_nn_sf2p3"))


def test_bytes_that_are_no_program():
    with pytest.raises(ModelError):
        read(b"\xff\xff\xff")
    with pytest.raises(ModelError, match="not an ML Program"):
        read(schema.model_class()(specificationVersion=4).SerializeToString())


def test_a_coremltools_before_ml_programs(monkeypatch):
    class Old:
        class DESCRIPTOR:
            fields_by_name = ("specificationVersion", "neuralNetwork")

    monkeypatch.setattr(schema, "model_class", lambda: Old)
    with pytest.raises(SchemaError, match="too old") as caught:
        read(files.model("ct9_ml17_nn_sf2p3"))
    assert "coremltools 5" in caught.value.hint


def test_damaged_bytes_end_in_a_clear_error():
    """Every truncation, and 300 changed bytes: a program or a ModelError, nothing else."""
    data = files.model("mil_ml17_resize_nearest")
    rng = np.random.default_rng(5)
    damaged = [data[:end] for end in range(0, len(data), 37)]
    for _ in range(300):
        changed = bytearray(data)
        changed[int(rng.integers(len(data)))] = int(rng.integers(256))
        damaged.append(bytes(changed))
    for one in damaged:
        try:
            found = read(one)
        except ModelError:
            continue
        for each in network.networks(found).values():
            each.resizes()
            each.shapes({resize.address: (7, None) for resize in each.resizes()})
