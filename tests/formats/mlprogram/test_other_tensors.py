"""Resizes of programs whose size is that of another tensor: found, written, run, and told."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import torch.nn.functional as F  # noqa: E402, N812

from coreml_resize_fix import Manifest, audit, fix  # noqa: E402
from coreml_resize_fix.intents.model import Intent  # noqa: E402
from coreml_resize_fix.intents.tensors import Recorded  # noqa: E402
from tests.formats.mlprogram import build, torch_executor  # noqa: E402
from tests.formats.mlprogram.build import ct, mb  # noqa: E402

WEIGHT = np.random.default_rng(0).standard_normal((3, 3, 3, 3)).astype(np.float32)
SIZES = ((16, 24), (17, 21), (33, 63), (8, 9))
RANGE = (1, 3, ct.RangeDim(8, 64, 16), ct.RangeDim(8, 64, 24))


def halved(x):
    return mb.conv(x=x, weight=WEIGHT, strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1])


def doubled(x, corners=False):
    return mb.upsample_bilinear(
        x=x, scale_factor_height=2, scale_factor_width=2, align_corners=corners, name="up"
    )


def saved(make, folder, *shapes, ios=17):
    """A package of a function of inputs of varying height and width."""
    specs = [mb.TensorSpec(shape=(1, 3, build.symbol(), build.symbol())) for _ in shapes]
    inputs = [ct.TensorType(name, shape) for name, shape in zip("xy", shapes)]
    with build.quiet():
        program = mb.program(input_specs=specs, opset_version=build.TARGETS[ios])(make)
    path = str(folder / "made.mlpackage")
    return build.save(program, path, ios, inputs=inputs, passes=ct.PassPipeline.EMPTY)


def made(*sizes, down=lambda n: -(-n // 2), **more):
    """The intent of a call that made these sizes of what a stride of two had left of them."""
    pairs = tuple((tuple(map(down, size)), size) for size in sizes)
    (before, after), *_ = pairs
    return Intent(size=after, input_size=before, output_size=after, sizes=pairs, **more)


def shown(path, intent, **options):
    (found,) = audit(path, [intent], **options).findings
    return found


def check_fixed(path, intent, truth, tmp_path, sizes=SIZES):
    """Whether the fix computes what `truth` does, at each size, and stays as it is."""
    result = fix(path, [intent], output=str(tmp_path / "fixed.mlpackage"))
    package = torch_executor.Package(result)
    for size in sizes:
        given, wanted = truth(size)
        values = {name: one.numpy() for name, one in given.items()}
        made = next(iter(package.run(values).values()))
        assert made.shape == tuple(wanted.shape), size
        np.testing.assert_allclose(made, wanted.numpy(), atol=1e-4)
    assert shown(result, intent).verdict == "match"
    assert fix(result, [intent]) == result
    build.opens(result)
    return result


def skip(x):
    return mb.concat(values=[doubled(halved(x)), mb.relu(x=x)], axis=1)


def skip_in_torch(size):
    x = torch.rand(1, 3, *size)
    down = F.conv2d(x, torch.from_numpy(WEIGHT), stride=2, padding=1)
    return {"x": x}, torch.cat([F.interpolate(down, size=size, mode="bilinear"), x.relu()], 1)


def test_a_skip_whose_size_strides_round(tmp_path):
    path = saved(skip, tmp_path, RANGE)
    intent = made((16, 24), (17, 21))
    found = shown(path, intent)
    assert (found.verdict, found.codes) == ("fixable", ("RSZ102",))
    assert str(found.after) == "resize to the size of `x` LINEAR UNALIGN_CORNERS"
    check_fixed(path, intent, skip_in_torch, tmp_path)


def test_listed_sizes(tmp_path):
    listed = [(1, 3, *size) for size in ((16, 24), (17, 21), (32, 48))]
    path = saved(skip, tmp_path, ct.EnumeratedShapes(listed, default=listed[0]))
    report = audit(path, [made((16, 24), (32, 48))])
    assert report.usable.sizes == ((16, 24), (32, 48))
    intent = made((16, 24), (17, 21))
    check_fixed(path, intent, skip_in_torch, tmp_path, ((16, 24), (17, 21), (32, 48)))


def test_ranges_are_judged_at_the_sizes_that_they_allow(tmp_path):
    report = audit(saved(skip, tmp_path, RANGE), [made((16, 24), (32, 48))])
    assert (report.exit_code, report.usable.multiple_of) == (0, (2, 2))


def test_another_input_of_the_model(tmp_path):
    def two(x, y):
        return doubled(mb.relu(x=x), True), mb.relu(x=y)

    def truth(size):
        x, y = torch.rand(1, 3, 7, 9), torch.rand(1, 3, *size)
        wanted = F.interpolate(x.relu(), size=size, mode="bilinear", align_corners=True)
        return {"x": x, "y": y}, wanted

    own = (1, 3, ct.RangeDim(4, 64, 8), ct.RangeDim(4, 64, 12))
    path = saved(two, tmp_path, own, RANGE)
    pairs = (((8, 12), (16, 24)), ((7, 9), (31, 22)))
    intent = Intent(align_corners=True, size=(16, 24), input_size=(8, 12), sizes=pairs)
    check_fixed(path, intent, truth, tmp_path)


def test_what_a_global_pooling_leaves(tmp_path):
    """It is of one size, and what is made of it is not."""

    def pooled(x):
        mean = mb.reduce_mean(x=mb.relu(x=x), axes=[2, 3], keep_dims=True)
        up = mb.upsample_bilinear(
            x=mean, scale_factor_height=16, scale_factor_width=24, align_corners=False, name="up"
        )
        return mb.relu(x=up)

    def truth(size):
        x = torch.rand(1, 3, *size)
        mean = x.relu().mean((2, 3), keepdim=True)
        return {"x": x}, F.interpolate(mean, size=size, mode="bilinear")

    path = saved(pooled, tmp_path, RANGE)
    intent = made((16, 24), (17, 21), down=lambda n: 1)
    check_fixed(path, intent, truth, tmp_path)


def test_tensors_that_differ_where_nothing_was_recorded(tmp_path):
    """Both have the recorded sizes at some size of the input, and nothing is guessed."""

    def pooled(x):
        down = halved(x)
        mean = mb.reduce_mean(x=down, axes=[2, 3], keep_dims=True)
        return mb.upsample_bilinear(
            x=mean, scale_factor_height=8, scale_factor_width=12, align_corners=False, name="up"
        )

    path = saved(pooled, tmp_path, RANGE)
    found = shown(path, made((8, 12), (9, 11), down=lambda n: 1))
    assert (found.verdict, found.codes) == ("unmatchable", ("RSZ102", "RSZ208"))
    assert "the size of `x` both fit what was recorded" in found.message
    # No input is as small as that.
    found = shown(path, made((8, 12), (5, 4), down=lambda n: 1))
    assert str(found.after) == "resize to the size of `conv_0` LINEAR STRICT_ALIGN_CORNERS"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"mode": "nearest"}, "no operation copies the pixels"),
        ({"mode": "bicubic"}, "only bilinear resizes can compute theirs"),
        ({"antialias": True}, None),
    ],
)
def test_what_no_operation_computes_at_such_a_size(more, why, tmp_path):
    found = shown(saved(skip, tmp_path, RANGE), made((16, 24), (17, 21), **more))
    if why is None:  # of a map that is made larger it changes nothing
        assert found.verdict == "fixable"
        return
    assert found.verdict == "unmatchable"
    assert why in found.message


def test_sizes_that_no_tensor_has(tmp_path):
    found = shown(saved(skip, tmp_path, RANGE), made((16, 24), (17, 21), down=lambda n: n // 2 - 3))
    assert found.verdict == "unmatchable"
    assert "none in the file has the sizes" in found.message


def test_an_older_target_is_told(tmp_path):
    path = saved(skip, tmp_path, RANGE, ios=16)
    found = shown(path, made((16, 24), (17, 21)))
    assert (found.verdict, found.needs) == ("needs-option", ("--deployment-target iOS17",))


def test_a_computed_size_with_another_grid(tmp_path):
    def computed(x):
        shape = mb.slice_by_index(x=mb.shape(x=x), begin=[2], end=[4])
        return mb.resize(
            x=halved(x), shape=shape, resized_dims=np.uint32(2), interpolation_mode="LINEAR",
            sampling_mode="DEFAULT", name="up",
        )  # fmt: skip

    def truth(size):
        x = torch.rand(1, 3, *size)
        down = F.conv2d(x, torch.from_numpy(WEIGHT), stride=2, padding=1)
        return {"x": x}, F.interpolate(down, size=size, mode="bilinear")

    path, intent = saved(computed, tmp_path, RANGE), made((16, 24), (17, 21))
    assert shown(path, intent).codes == ("RSZ101",)
    result = check_fixed(path, intent, truth, tmp_path)
    found = shown(result, Intent(size=(16, 24), input_size=(8, 12)))
    assert (found.verdict, found.codes) == ("unmatchable", ("RSZ208",))


@pytest.mark.parametrize("wrong", [False, True])
def test_a_parameter_that_the_converter_resized(wrong, tmp_path):
    table = torch.rand(1, 3, 4, 5)
    right = F.interpolate(table, size=(16, 24), mode="bilinear").numpy()
    held = right * 0.9 if wrong else right
    path = str(tmp_path / "made.mlpackage")
    with build.quiet():
        program = mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, 16, 24))])(
            lambda x: mb.add(x=x, y=held)
        )
    build.save(program, path)
    size = {"input_size": (4, 5), "output_size": (16, 24), "size": (16, 24)}
    intents = Manifest([Intent(**size, channels=3, input_is_parameter=True, index=0)])
    (told,) = audit(path, intents).without_layer
    assert (told.reason, "resize the parameter in Python" in told.message) == ("missing", True)
    intents.tensors[0] = Recorded(table.numpy(), right)
    report = audit(path, intents)
    assert report.exit_code == (1 if wrong else 0)
    (told,) = report.without_layer
    assert told.reason == ("missing" if wrong else "computed-elsewhere")
