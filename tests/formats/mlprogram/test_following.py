"""What follows a changed resize: declared sizes, nested blocks, descriptions, conflicts."""

import logging

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram import (
    network,
    reader,
)
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import Known, Unknown
from tests.formats.mlprogram import build, chains
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.editing import rewritten
from tests.formats.mlprogram.test_edits import as_coremltools_infers, unaligned
from tests.formats.mlprogram.test_reader import branching, enlarged, looping, parsed

logging.disable(logging.WARNING)


@pytest.mark.parametrize("make", [branching, looping])
def test_resizes_in_nested_blocks(make):
    data = build.model_file(build.program(make, (1, 2, 4, 6)))
    size = (4, 6) if make is looping else (9, 11)
    result, found, planned = rewritten(data, unaligned(size))
    assert as_coremltools_infers(result)
    assert [str(one.params) for one in found["main"].resizes()] == [
        "resize_bilinear {}×{} UNALIGN_CORNERS".format(*size)
    ] * (1 if make is looping else 2)
    assert found["main"].shapes().outputs == planned["main"].outputs


def test_sizes_carried_through_a_loop():
    """The types of what the loop's blocks get follow as well."""

    def carried(x):
        up = enlarged(x, 2, "up")
        return mb.while_loop(
            _cond=lambda count, image: mb.less(x=count, y=3.0),
            _body=lambda count, image: (mb.add(x=count, y=1.0), mb.relu(x=image)),
            loop_vars=(np.float32(0), up),
        )[1]

    data = build.model_file(build.program(carried, (1, 2, 4, 6)))
    result, found, planned = rewritten(data, unaligned((9, 11)))
    assert planned["main"].conflicts == ()
    assert as_coremltools_infers(result)
    (loop,) = (one for one in found["main"].function.block.operations if one.blocks)
    assert [one.inputs[1].type.dims for one in loop.blocks] == [(1, 2, 9, 11)] * 2
    assert list(found["main"].shapes().outputs.values()) == [Known((1, 2, 9, 11))]


def test_flexible_sizes_follow():
    """What varied becomes one size, and what was one size follows."""
    inputs = [build.ct.TensorType(name="x", shape=(1, 2, build.ct.RangeDim(4, 64, 6), 8))]
    shape = (1, 2, build.symbol(), 8)

    def fixed(x):
        return mb.relu(x=mb.resize_bilinear(x=x, target_size_height=9, target_size_width=9))

    def follows(x):
        return mb.relu(x=enlarged(x, 1.5))

    data = build.model_file(build.program(fixed, shape), inputs=inputs)
    result, found, _ = rewritten(data, lambda *_: UpsampleBilinear(2, 2, align_corners=True))
    (made,) = found["main"].function.block.operations[-1].outputs
    assert made.type.dims == (1, 2, None, 16)
    assert as_coremltools_infers(result)
    data = build.model_file(build.program(follows, shape), inputs=inputs)
    result, found, _ = rewritten(data, unaligned((9, 7)))
    (made,) = found["main"].function.block.operations[-1].outputs
    assert made.type.dims == (1, 2, 9, 7)
    assert as_coremltools_infers(result)


@pytest.mark.slow
def test_written_types_behind_random_chains(tmp_path):
    """Types that are written behind a changed resize are those that coremltools infers."""
    checked = 0
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        kinds = [list(chains.MAKERS)[int(n)] for n in rng.integers(0, len(chains.MAKERS), 3)]
        old, new = ((int(h), int(w)) for h, w in rng.integers(5, 12, (2, 2)))
        try:
            made = chains.chain(seed, kinds, old)
            chains.chain(seed, kinds, new)
        except chains.REFUSED:
            continue
        package = tmp_path / "{}.mlpackage".format(seed)
        build.save(made, package, passes=build.ct.PassPipeline.EMPTY)
        folder = package / "Data" / "com.apple.CoreML"
        data = (folder / "model.mlmodel").read_bytes()

        def first(resize, shapes, new=new):
            if resize.names[0] != "resized":
                return None
            return ResizeBilinear(*new, "STRICT_ALIGN_CORNERS")

        result, _, planned = rewritten(data, first)
        if planned["main"].conflicts:
            continue
        assert as_coremltools_infers(result, str(folder / "weights")), (seed, kinds, old, new)
        checked += 1
    assert checked > 20


def test_conflicts_behind_a_changed_size():
    def make(x):
        up = enlarged(x, 2, "up")
        skip = mb.relu(
            x=mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=2)
        )
        return mb.add(x=mb.concat(values=[up, skip], axis=1), y=0.5, name="sum")

    found = network.networks(
        reader.read(Source(build.model_file(build.program(make, (1, 2, 4, 6)))))
    )
    (up,) = (one for one in found["main"].resizes() if one.names[0] == "up")
    assert found["main"].shapes().conflicts == ()
    (conflict,) = found["main"].shapes({up.address: (9, 13)}).conflicts
    assert (conflict.kind, conflict.at_default) == ("concat", True)
    assert conflict.message == "`concat` of 1×2×9×13 and 1×2×8×12 does not fit" or (
        conflict.message == "`concat` of 9×13 and 8×12 does not fit"
    )


def test_an_element_that_is_there_no_more():
    def make(x):
        return mb.gather(x=enlarged(x, 2, "up"), indices=np.array([0, 7], np.int32), axis=2)

    data = build.model_file(build.program(make, (1, 1, 4, 6)))
    found = network.networks(reader.read(Source(data)))["main"]
    (up,) = found.resizes()
    assert found.shapes({up.address: (8, 9)}).conflicts == ()
    (conflict,) = found.shapes({up.address: (7, 9)}).conflicts
    assert conflict.message == "`gather` takes element 7 of 7"


def test_a_number_that_nobody_follows_makes_a_size_unknown():
    """The declared size would be the old one: a product of sizes is not known here."""

    def make(x):
        up = enlarged(x, 2, "up")
        count = mb.reduce_prod(x=mb.shape(x=up), axes=[0], keep_dims=True)
        return mb.fill(shape=count, value=1.0)

    data = build.model_file(build.program(make, (1, 1, 4, 6)))
    found = network.networks(reader.read(Source(data)))["main"]
    (up,) = found.resizes()
    assert list(found.shapes().outputs.values()) == [Known((96,))]
    (made,) = found.shapes({up.address: (9, 13)}).outputs.values()
    assert isinstance(made, Unknown)
    assert "depend on values" in made.reason


def test_an_operation_without_a_rule_behind_a_changed_size_is_named():
    def make(x):
        up = enlarged(x, 2, "up")
        return mb.non_zero(x=up), mb.relu(x=up)

    data = build.model_file(build.program(make, (1, 1, 4, 6)))
    found = network.networks(reader.read(Source(data)))["main"]
    (up,) = found.resizes()
    before, after = found.shapes(), found.shapes({up.address: (9, 13)})
    unknown = [one for one in after.outputs.values() if isinstance(one, Unknown)]
    assert "no size rule for `non_zero`" in unknown[0].reason
    assert before.conflicts == after.conflicts == ()
    assert Known((1, 1, 9, 13)) in after.outputs.values()


def test_sizes_computed_at_run_time():
    def make(x):
        up = enlarged(x, 2, "up")
        shape = mb.slice_by_index(x=mb.shape(x=up), begin=[2], end=[4])
        return mb.resize(x=mb.relu(x=x), shape=shape, resized_dims=np.uint32(2), name="as_up")

    data = build.model_file(build.program(make, (1, 2, 4, 6), 17), 17)
    found = network.networks(reader.read(Source(data)))["main"]
    up, computed = found.resizes()
    assert computed.params == ResizeToShape(None, 2, "LINEAR", "DEFAULT")
    assert list(found.shapes().outputs.values()) == [Known((1, 2, 8, 12))]
    grown = found.shapes({up.address: (9, 13)})
    assert list(grown.outputs.values()) == [Known((1, 2, 9, 13))]


def test_descriptions_of_outputs_follow():
    """Those of the function, where a program has several, and those of an image."""
    model = parsed("ct9_ml17_nn_sf2p3")
    if not hasattr(model.description, "functions"):
        pytest.skip("needs coremltools: pip install 'coremltools>=8'")
    model.mlProgram.functions["other"].CopyFrom(model.mlProgram.functions["main"])
    for name in ("main", "other"):
        described = model.description.functions.add(name=name)
        described.input.add().CopyFrom(model.description.input[0])
        described.output.add().CopyFrom(model.description.output[0])
    del model.description.input[:], model.description.output[:]

    def other_alone(resize, shapes):
        return UpsampleNearest(3, 2) if resize.address.startswith("other/") else None

    result, _, _ = rewritten(model.SerializeToString(), other_alone)
    model.ParseFromString(result)
    shapes = [list(one.output[0].type.multiArrayType.shape) for one in model.description.functions]
    assert shapes == [[1, 3, 23, 27], [1, 3, 30, 24]]
    model = parsed("ct9_ml17_nn_sf2p3")
    picture = model.description.output[0].type.imageType
    picture.height, picture.width, picture.colorSpace = 23, 27, 20
    result, _, _ = rewritten(model.SerializeToString(), lambda *_: UpsampleNearest(3, 2))
    model.ParseFromString(result)
    picture = model.description.output[0].type.imageType
    assert (picture.height, picture.width) == (30, 24)
