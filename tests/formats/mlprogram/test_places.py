"""Fixes that change a size inside cond and while_loop, before states, images and class labels.

The truth is the package as it was, run with the resizes that are asked for in the place of its own.
"""

import os
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
import torch
from coremltools.converters.mil.mil import types

from coreml_resize_fix import audit, fix, record_intents
from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.intents.model import Intent
from tests.formats.mlprogram import build, torch_executor, torch_networks
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.test_edits import as_coremltools_infers, only_these_differ
from tests.formats.mlprogram.test_whole_networks import MODEL, error
from tests.support.folders import contents

F = torch.nn.functional
WANTED = (28, 28)  # what is asked for; the files make 29 × 29


def doubled(x, name, factor=1.16):
    return mb.upsample_bilinear(
        x=x, scale_factor_height=factor, scale_factor_width=factor, align_corners=True, name=name
    )


def convolved(x, seed, channels=2, **more):
    weight = np.random.RandomState(seed).randn(channels, x.shape[1], 3, 3).astype(np.float32)
    return mb.conv(x=x, weight=weight / 9, pad_type="same", **more)


def branches(x):
    """A resize in each branch, of constants of its own, and one whose size stays inside."""
    bright = mb.greater(x=mb.reduce_mean(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=0.5)

    def one():
        return mb.relu(x=doubled(convolved(x, 1), "one"))

    def other():
        inside = mb.resize_bilinear(
            x=x, target_size_height=29, target_size_width=29, sampling_mode="UNALIGN_CORNERS",
            name="other",
        )  # fmt: skip
        return mb.mul(x=convolved(inside, 2), y=0.5)

    return convolved(mb.cond(pred=bright, _true_fn=one, _false_fn=other), 3)


def rounds(x):
    """The carried value is of the size that a resize before the loop and one inside it make."""
    first = doubled(convolved(x, 1), "first")

    def goes_on(count, value):
        return mb.less(x=count, y=np.float32(3))

    def body(count, value):
        small = mb.max_pool(x=value, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        back = mb.resize_bilinear(
            x=small, target_size_height=29, target_size_width=29,
            sampling_mode="STRICT_ALIGN_CORNERS", name="back",
        )  # fmt: skip
        return mb.add(x=count, y=np.float32(1)), mb.add(x=convolved(back, 2), y=value)

    start = mb.mul(x=mb.reduce_mean(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=np.float32(0))
    _, value = mb.while_loop(_cond=goes_on, _body=body, loop_vars=(start, first))
    return mb.mul(x=value, y=0.25)


def handed_on(x):
    """Each round makes its value of that of the round before, whatever size that is."""

    def body(count, value):
        small = mb.max_pool(x=value, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        back = mb.resize_bilinear(
            x=small, target_size_height=29, target_size_width=29,
            sampling_mode="STRICT_ALIGN_CORNERS", name="back",
        )  # fmt: skip
        return mb.add(x=count, y=np.float32(1)), convolved(back, 2)

    start = mb.mul(x=mb.reduce_mean(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=np.float32(0))
    _, value = mb.while_loop(
        _cond=lambda count, value: mb.less(x=count, y=np.float32(3)), _body=body,
        loop_vars=(start, doubled(convolved(x, 1), "first")),
    )  # fmt: skip
    return mb.mul(x=value, y=0.25)


def nested(x):
    """A branch in a round of a loop."""
    first = doubled(convolved(x, 1), "first")

    def body(count, value):
        def one():
            small = mb.avg_pool(x=value, kernel_sizes=[3, 3], strides=[2, 2], pad_type="same")
            return mb.resize_bilinear(
                x=small, target_size_height=29, target_size_width=29,
                sampling_mode="STRICT_ALIGN_CORNERS", name="back",
            )  # fmt: skip

        bright = mb.greater(x=count, y=np.float32(0.5))
        made = mb.cond(pred=bright, _true_fn=one, _false_fn=lambda: mb.relu(x=value))
        return mb.add(x=count, y=np.float32(1)), made

    start = mb.mul(x=mb.reduce_mean(x=x, axes=[0, 1, 2, 3], keep_dims=False), y=np.float32(0))
    _, value = mb.while_loop(
        _cond=lambda count, value: mb.less(x=count, y=np.float32(3)), _body=body,
        loop_vars=(start, first),
    )  # fmt: skip
    return convolved(value, 2)


def as_wanted(operation, make, image):
    return F.interpolate(image, size=WANTED, mode="bilinear", align_corners=True)


def intents_for(path):
    return [
        Intent(layer=one.layer.address, mode="bilinear", align_corners=True, size=WANTED)
        for one in audit(path).findings
    ]


def runs_as_wanted(path, result, more=None):
    """The worst error over a dark and a bright image."""
    worst = 0.0
    for light in (0.0, 0.9):
        image = (np.random.RandomState(3).rand(1, 3, 25, 25) * 0.1 + light).astype(np.float32)
        given = {"x": image, **(more or {})}
        wanted = torch_executor.Package(path).run(given, True, as_wanted)
        made = torch_executor.Package(result).run(given)
        worst = max([worst, *(error(made[name], wanted[name]) for name in wanted)])
    return worst


def file_of(path):
    with open(os.path.join(path, MODEL), "rb") as file:
        return file.read()


@pytest.mark.parametrize("network", [branches, rounds, nested])
@pytest.mark.parametrize("ios", [15, 18])
def test_nested_blocks(network, ios, tmp_path):
    path = str(tmp_path / "model.mlpackage")
    build.save(build_program(network, ios), path, ios)
    intents = intents_for(path)
    assert len(intents) == 2
    assert sum(".blocks[" in one.layer for one in intents) >= 1
    before = contents(path)
    result = fix(path, intents)
    assert [name for name, data in contents(result).items() if before[name] != data] == [MODEL]
    assert runs_as_wanted(path, result) <= 1e-4
    weights = os.path.join(result, os.path.dirname(MODEL), "weights")
    assert as_coremltools_infers(file_of(result), weights)
    assert carried(file_of(result)) <= {(1, 2, 28, 28), ()}
    build.opens(result)
    assert fix(result, intents) == result


def build_program(network, ios):
    with build.quiet():
        return mb.program(
            input_specs=[mb.TensorSpec(shape=(1, 3, 25, 25))], opset_version=build.TARGETS[ios]
        )(lambda x: network(x))


def carried(data):
    """The shapes that blocks declare of what they get, which no loader infers."""
    spec = ct.proto.Model_pb2.Model.FromString(data)
    found = set()

    def collect(block):
        for operation in block.operations:
            for inner in operation.blocks:
                for one in inner.inputs:
                    dims = one.type.tensorType.dimensions
                    found.add(tuple(int(dim.constant.size) for dim in dims))
                collect(inner)

    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            collect(block)
    return found


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (branches, r"`cond_0`\): its size would change, and how is not known: it depends on the"),
        (rounds, r"`add_1`\): `add` of 29×29 and 28×28 does not fit"),
        (handed_on, r"it may change in the rounds of the loop `while_loop_0`"),
    ],
)
def test_sizes_that_would_differ_are_refused(network, message, tmp_path):
    """One branch alone gets another size, or the first round alone."""
    path = str(tmp_path / "model.mlpackage")
    build.save(build_program(network, 15), path, 15)
    first, second = intents_for(path)
    second = replace(second, size=(29, 29), align_corners=network is not branches)
    before = contents(tmp_path)
    for act in (audit, fix):
        with pytest.raises(ProofError, match=message) as caught:
            act(path, [first, second])
        assert ("convert the model again" in caught.value.hint) == (network is not rounds)
    assert contents(tmp_path) == before


def test_an_operation_without_a_rule(tmp_path):
    """Behind a size that changes it is named; behind one that stays it does not matter."""

    def make(x):
        up = doubled(convolved(x, 1), "up")
        return mb.cast(x=mb.non_zero(x=up), dtype="fp32"), mb.relu(x=up)

    path = str(tmp_path / "model.mlpackage")
    with build.quiet():
        made = mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, 25, 25))])(make)
    build.save(made, path)
    with pytest.raises(ProofError, match=r"would break .*: no size rule for `non_zero`"):
        fix(path, intents_for(path))
    half = Intent(layer="up", mode="bilinear", align_corners=False, size=(29, 29))
    result = fix(path, [half])
    assert [one.verdict for one in audit(result, [half]).findings] == ["match"]


class Stateful(torch.nn.Module):
    """Features of before are kept, and mixed into those of now."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.before = torch.nn.Conv2d(3, 2, 3, padding=1)
        self.behind = torch.nn.Conv2d(2, 2, 3, padding=1)
        self.register_buffer("kept", torch.zeros(1, 2, 25, 25))

    def forward(self, x):
        self.kept.mul_(0.5).add_(self.before(x))
        return self.behind(
            F.interpolate(self.kept, scale_factor=1.16, mode="bilinear", align_corners=True)
        )


def test_states(tmp_path):
    network, image = Stateful().eval(), torch.rand(1, 3, 25, 25)
    path = str(tmp_path / "model.mlpackage")
    kept = ct.TensorType(shape=(1, 2, 25, 25), dtype=np.float16)
    with torch_networks.quiet(), torch.no_grad():
        ct.convert(
            torch.jit.trace(network, image, check_trace=False),
            inputs=[ct.TensorType(name="x", shape=image.shape)],
            states=[ct.StateType(kept, name="kept")],
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS18,
            skip_model_load=True,
        ).save(path)
    intents = record_intents(network, image)
    result = fix(path, intents)
    assert runs_as_wanted(path, result, {"kept": np.ones((1, 2, 25, 25), np.float32)}) <= 1e-4
    data = file_of(result)
    assert as_coremltools_infers(data, os.path.join(result, os.path.dirname(MODEL), "weights"))
    only_these_differ(file_of(path), data, declarations=True)
    spec = build.opens(result)
    assert tuple(spec.description.output[0].type.multiArrayType.shape)[-2:] == WANTED
    assert fix(result, intents) == result


def test_a_state_keeps_its_size(tmp_path):
    """What is written to it would be of another one."""

    def make(x, kept):
        up = mb.cast(x=doubled(convolved(x, 1), "up"), dtype="fp16")
        return mb.cast(x=mb.coreml_update_state(state=kept, value=up), dtype="fp32")

    specs = [
        mb.TensorSpec(shape=(1, 3, 25, 25)),
        mb.StateTensorSpec(shape=(1, 2, 29, 29), dtype=types.fp16),
    ]
    with build.quiet():
        made = mb.program(input_specs=specs, opset_version=build.TARGETS[18])(make)
    path = str(tmp_path / "model.mlpackage")
    build.save(made, path, 18)
    with pytest.raises(ProofError, match=r"`write_state` keeps 1×2×29×29 and gets 1×2×28×28"):
        fix(path, intents_for(path))


class Pictures(torch.nn.Module):
    """A picture comes, a picture goes, or the scores of classes."""

    def __init__(self, classes):
        super().__init__()
        torch.manual_seed(6)
        self.conv, self.classes = torch.nn.Conv2d(3, 3, 3, padding=1), classes

    def forward(self, x):
        x = F.interpolate(self.conv(x), scale_factor=1.16, mode="bilinear", align_corners=True)
        return x.mean((2, 3)) if self.classes else x * 255


@pytest.mark.parametrize("classes", [False, True])
def test_pictures_and_classes(classes, tmp_path):
    network, image = Pictures(classes).eval(), torch.rand(1, 3, 25, 25)
    path = str(tmp_path / "model.mlpackage")
    more = {"classifier_config": ct.ClassifierConfig(["a", "b", "c"])} if classes else {
        "outputs": [ct.ImageType(name="picture", color_layout=ct.colorlayout.RGB)]
    }  # fmt: skip
    with torch_networks.quiet(), torch.no_grad():
        ct.convert(
            torch.jit.trace(network, image),
            inputs=[ct.ImageType(name="x", shape=image.shape, scale=1 / 255, bias=[-0.5] * 3)],
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
            **more,
        ).save(path)
    intents = record_intents(network, image)
    assert [one.verdict for one in audit(path, intents).findings] == ["fixable"]
    result = fix(path, intents)
    data = file_of(result)
    assert as_coremltools_infers(data, os.path.join(result, os.path.dirname(MODEL), "weights"))
    only_these_differ(file_of(path), data, declarations=True)
    old, new = (ct.proto.Model_pb2.Model.FromString(file_of(one)) for one in (path, result))
    if not classes:
        picture = new.description.output[0].type.imageType
        assert (picture.height, picture.width) == WANTED
        old.description.output[0].type.imageType.height, _ = WANTED
        old.description.output[0].type.imageType.width = WANTED[1]
    assert old.description == new.description
    build.opens(result)
    assert fix(result, intents) == result
