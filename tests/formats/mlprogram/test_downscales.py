"""`--rewrite-downscales`: a right `upsample_bilinear` below 1 becomes `resize_bilinear`."""

import random

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import audit, fix
from coreml_resize_fix.errors import UnmatchedError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.cli.commands import run
from tests.formats.mlprogram import build
from tests.formats.mlprogram.build import mb

DOUBT = "differ between versions of the system"


@pytest.fixture(scope="module")
def written():
    """Makes models of one resize by factors, as converters write them: (N + 1e-4) / X."""

    def network(x):
        return mb.upsample_bilinear(
            x=x,
            scale_factor_height=np.float32(0.5),
            scale_factor_width=np.float32(0.5),
            align_corners=True,
            name="y",
        )

    template = build.model_file(build.program(network, (1, 2, 8, 10)))

    def make(before, after, align_corners):
        model = schema.model_class().FromString(template)
        function = model.mlProgram.functions["main"]
        operations = function.block_specializations[function.opset].operations
        consts = {one.outputs[0].name: one.attributes["val"] for one in operations[:-1]}
        for axis, x, n in zip(("height", "width"), before, after):
            factor = (n + 1e-4) / x if n % x else n // x
            tensor = consts[f"y_scale_factor_{axis}_0"].immediateValue.tensor
            tensor.floats.values[:] = [factor]
        tensor = consts["y_align_corners_0"].immediateValue.tensor
        tensor.bools.values[:] = [align_corners]
        for value, size in ((function.inputs[0], before), (operations[-1].outputs[0], after)):
            for dimension, side in zip(value.type.tensorType.dimensions[2:], size):
                dimension.constant.size = side
        for feature, size in zip(
            (model.description.input[0], model.description.output[0]), (before, after)
        ):
            if feature.type.multiArrayType.shape:
                feature.type.multiArrayType.shape[2:] = size
        return model

    return make


def asked(before, after, align_corners):
    return [Intent("up", align_corners=align_corners, size=after, input_size=before)]


def reads(x, n, align_corners):
    """Where PyTorch reads along one axis."""
    i = np.arange(n)
    if align_corners:
        return i * (x - 1) / (n - 1) if n > 1 else np.zeros(1)
    return np.clip((i + 0.5) * x / n - 0.5, 0, x - 1)


def resized(image, after, align_corners):
    """PyTorch's bilinear resize of (H, W), axis by axis."""
    for axis, n in enumerate(after):
        x = image.shape[axis]
        at = reads(x, n, align_corners)
        low = np.minimum(np.floor(at).astype(int), x - 1)
        high = np.minimum(low + 1, x - 1)
        part = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        image = np.take(image, low, axis) * (1 - part) + np.take(image, high, axis) * part
    return image


def test_a_right_downscale_is_a_match_with_a_remark(written):
    before, after = (8, 10), (4, 5)
    report = audit(written(before, after, False), asked(before, after, False))
    assert [str(finding.verdict) for finding in report.findings] == ["match"]
    (told,) = [notice for notice in report.notices if DOUBT in notice]
    assert "--rewrite-downscales" in told
    assert report.exit_code == 0


def test_with_the_option_it_is_rewritten_once(written):
    before, after = (8, 10), (4, 5)
    model, intents = written(before, after, True), asked(before, after, True)
    report = audit(model, intents, rewrite_downscales=True)
    (finding,) = report.findings
    assert (str(finding.verdict), finding.codes) == ("fixable", ("RSZ111",))
    assert DOUBT in finding.message
    assert finding.max_abs_error_before is None  # what a device makes of it is not known
    assert finding.max_abs_error_after < 1e-9
    assert report.exit_code == 1
    result = fix(model, intents, rewrite_downscales=True)
    for again in (audit(result, intents), audit(result, intents, rewrite_downscales=True)):
        (finding,) = again.findings
        assert str(finding.verdict) == "match"
        assert finding.layer.kind == "resize_bilinear"
        assert not [notice for notice in again.notices if DOUBT in notice]


@pytest.mark.slow
def test_any_downscale_becomes_the_same_grid(written):
    """200 sizes; one axis may grow or stay, and a call that shrinks none is left alone."""
    for seed in range(200):
        draw = random.Random(seed)
        before = draw.randrange(1, 24), draw.randrange(1, 24)
        after = draw.randrange(1, 24), draw.randrange(1, 24)
        aligned = draw.random() < 0.5
        model, intents = written(before, after, aligned), asked(before, after, aligned)
        (finding,) = audit(model, intents, rewrite_downscales=True, verify=False).findings
        if all(n >= x for x, n in zip(before, after)):
            assert str(finding.verdict) == "match"
            continue
        assert str(finding.verdict) == "fixable"
        (made,) = audit(
            fix(model, intents, rewrite_downscales=True), intents, verify=False
        ).findings
        image = np.random.default_rng(seed).random(before)
        expected = resized(image, after, aligned)
        np.testing.assert_allclose(
            made.layer.params.run(image[None, None])[0, 0], expected, atol=1e-9
        )
        assert made.layer.kind == "resize_bilinear"


def test_one_that_follows_its_input_stays():
    """A fixed size would freeze it: the remark stays, without the option in it."""
    with build.quiet():
        varies = (1, 2, build.symbol(), build.symbol())

        def network(x):
            return mb.upsample_bilinear(
                x=x, scale_factor_height=0.5, scale_factor_width=0.5, align_corners=False
            )

        inputs = [build.ct.TensorType("x", shape=(1, 2, *2 * [build.ct.RangeDim(8, 32)]))]
        data = build.model_file(build.program(network, varies), inputs=inputs)
    model = schema.model_class().FromString(data)
    intents = [Intent(scale_factor=(0.5, 0.5), recompute_scale_factor=True, input_size=(8, 8))]
    report = audit(model, intents, rewrite_downscales=True)
    (finding,) = report.findings
    assert not finding.layer.input.is_static
    assert str(finding.verdict) == "match"
    (told,) = [notice for notice in report.notices if DOUBT in notice]
    assert "--rewrite-downscales" not in told


def test_a_wrong_one_is_not_hidden_by_the_option(written):
    before, after = (8, 10), (4, 5)
    model, intents = written(before, after, True), asked(before, after, False)
    (finding,) = audit(model, intents, rewrite_downscales=True).findings
    assert (str(finding.verdict), finding.codes) == ("fixable", ("RSZ101",))
    with pytest.raises(UnmatchedError):
        fix(model, [*intents, Intent("lost", size=(3, 3), input_size=(9, 9))])


def test_the_command_has_it(written, tmp_path):
    before, after = (8, 10), (4, 5)
    path, option = tmp_path / "model.mlmodel", "--rewrite-downscales"
    path.write_bytes(written(before, after, True).SerializeToString())
    shown = ["--assume", "bilinear,align_corners=true"]
    assert run(path, "-n", *shown).code == 0
    assert run(path, "-n", option, *shown).code == 1
    assert run(path, option, *shown).code == 0
    ran = run(tmp_path / "model-fixed.mlmodel", "-n", *shown)
    assert ran.code == 0
    assert DOUBT not in ran.out
