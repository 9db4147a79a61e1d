"""The Python interface: paths, MLModel objects and spec messages, each returned as it was given."""

import os
import shutil
import tempfile

import pytest

import coreml_resize_fix
from coreml_resize_fix import audit, fix, predict
from coreml_resize_fix.errors import ManifestError, ResizeFixError, UnmatchedError, UsageError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from tests.support.cases import UNET, Case

MODEL = os.path.join(UNET, "unet.mlmodel")
INTENT = os.path.join(UNET, "unet.intent.json")
TARGETS = {"29": [10, 12], "34": [25, 31], "39": [50, 62]}


def spec_of(path):
    spec = schema.model_class()()
    with open(path, "rb") as file:
        spec.ParseFromString(file.read())
    return spec


def targets(spec):
    return {
        layer.name: list(layer.resizeBilinear.targetSize)
        for layer in spec.neuralNetwork.layers
        if layer.WhichOneof("layer") == "resizeBilinear"
    }


def test_public_names_are_few_and_all_there():
    assert coreml_resize_fix.__all__ == sorted(coreml_resize_fix.__all__)
    for name in coreml_resize_fix.__all__:
        assert getattr(coreml_resize_fix, name).__doc__
    with pytest.raises(AttributeError):
        coreml_resize_fix.nothing  # noqa: B018


def test_audit_of_a_path():
    report = audit(MODEL, INTENT)
    assert [finding.verdict for finding in report.findings] == ["fixable"] * 3 + ["match"]
    assert report.exit_code == 1


def test_fix_of_a_path_returns_the_path_of_the_result(tmp_path):
    shutil.copy(MODEL, str(tmp_path))
    path = str(tmp_path / "unet.mlmodel")
    result = fix(path, INTENT)
    assert result == str(tmp_path / "unet-fixed.mlmodel")
    assert targets(spec_of(result)) == TARGETS
    assert fix(result, INTENT) == result
    assert sorted(os.listdir(str(tmp_path))) == ["unet-fixed.mlmodel", "unet.mlmodel"]


def test_fix_of_a_path_object_returns_a_path_object(tmp_path):
    shutil.copy(MODEL, str(tmp_path))
    assert fix(tmp_path / "unet.mlmodel", INTENT) == tmp_path / "unet-fixed.mlmodel"


def test_fix_of_a_spec_returns_a_spec_and_touches_no_file(monkeypatch):
    def no_file(*_args, **_kwargs):
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile, "mkstemp", no_file)
    spec = spec_of(MODEL)
    before = spec.SerializeToString()
    result = fix(spec, INTENT)
    assert type(result) is type(spec)
    assert targets(result) == TARGETS
    assert result.specificationVersion == 3
    assert spec.SerializeToString() == before


def test_a_spec_that_is_right_comes_back_itself():
    spec = fix(spec_of(MODEL), INTENT)
    assert fix(spec, INTENT) is spec


def test_fix_of_an_mlmodel_returns_an_mlmodel():
    models = pytest.importorskip(
        "coremltools.models", reason="needs coremltools: pip install coremltools"
    )
    import coremltools

    spec = coremltools.utils.load_spec(MODEL)
    try:
        model = models.MLModel(spec, skip_model_load=True)
    except TypeError:
        model = models.MLModel(spec)
    result = fix(model, Manifest.load(INTENT))
    assert isinstance(result, models.MLModel)
    assert targets(result.get_spec()) == TARGETS


def test_what_cannot_be_matched_is_raised_with_its_report():
    case = Case("corpus", "blog_par_TF")
    spec = spec_of(case.path)
    with pytest.raises(UnmatchedError) as caught:
        fix(spec, case.intents())
    assert [f.verdict for f in caught.value.report.findings] == ["fixable", "needs-option"]
    assert "pass `decompose=True` to allow exact fixes" in str(caught.value)
    partly = fix(spec, case.intents(), partial=True)
    assert targets(partly) == {"12": [20, 24]}
    whole = fix(spec, case.intents(), decompose=True)
    assert targets(whole) == {"12": [20, 24]}
    assert audit(whole, case.intents()).exit_code == 0


def test_an_error_names_what_stands_in_the_way_of_a_fix():
    """The layers are fixable; a further call has no layer."""
    case = Case("corpus", "blog_chain_TT")
    lost = Intent(name="lost", size=(7, 9), input_size=(3, 5))
    with pytest.raises(UnmatchedError) as caught:
        fix(spec_of(case.path), [*case.intents(), lost])
    assert {found.verdict for found in caught.value.report.findings} == {"fixable"}
    assert "cannot be fixed as a whole: `lost` has no layer" in str(caught.value)


def test_assume_and_deployment_target():
    report = audit(MODEL, INTENT, deployment_target="iOS11.2")
    assert [f.verdict for f in report.findings] == ["needs-option"] * 3 + ["match"]
    report = audit(Case("corpus", "blog_chain_TT").path, assume="bilinear,align_corners=true")
    assert [f.verdict for f in report.findings] == ["fixable"] * 2


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: fix(MODEL), UsageError, "nothing says what the resizes should compute"),
        (lambda: fix(spec_of(MODEL), INTENT, output="x"), UsageError, "in memory"),
        (lambda: audit(MODEL, INTENT, deployment_target="android"), UsageError, "android"),
        (lambda: audit(MODEL, "missing.json"), ManifestError, "missing.json"),
        (lambda: audit(object(), INTENT), ResizeFixError, "not a model"),
        (lambda: audit("missing.mlmodel", INTENT), ResizeFixError, "missing.mlmodel"),
        (lambda: audit(MODEL, {"29": {"align_corners": True}}), UsageError, "no manifest"),
        (lambda: audit(MODEL, [{"layer": "29"}]), UsageError, "`list` of something else than"),
        (lambda: audit(MODEL, b"a.json"), UsageError, "no manifest"),
        (
            lambda: audit(MODEL, assume={"mode": "nearest"}),
            UsageError,
            "`assume` cannot be a `dict`",
        ),
        (lambda: audit(MODEL, INTENT, deployment_target=14), UsageError, "cannot be a `int`"),
        (lambda: fix(MODEL, INTENT, output=3), UsageError, "`output` cannot be a `int`"),
        (
            lambda: audit(MODEL, INTENT, reference="a.npz", tolerance="x"),
            UsageError,
            "`tolerance` cannot be a `str`",
        ),
        (lambda: audit(MODEL, INTENT, reference={}), UsageError, "`reference` cannot be a `dict`"),
        (lambda: predict(MODEL, [1.0]), UsageError, "the inputs are a `list`"),
    ],
)
def test_misuse_is_an_error_in_one_sentence(call, error, says):
    with pytest.raises(error, match=says) as caught:
        call()
    assert caught.value.hint


def test_a_manifest_survives_being_saved(tmp_path):
    loaded = Manifest.load(INTENT)
    loaded.save(str(tmp_path / "again.json"))
    assert Manifest.load(str(tmp_path / "again.json")) == loaded
    onnx_only = Intent(
        name="up",
        framework="onnx",
        coordinate_transformation_mode="half_pixel_symmetric",
        scale_factor=(1.5, 1.5),
        index=0,
    )
    assert "half_pixel_symmetric" in str(Manifest([onnx_only]).document())


def test_in_one_process_with_onnx_coreml():
    """At the end of an export script of its time, which has the converter loaded."""
    converter = pytest.importorskip(
        "onnx_coreml", reason="needs onnx-coreml on Python 3.7: pip install -e '.[legacy]'"
    )
    import coremltools

    assert converter.convert
    spec = coremltools.utils.load_spec(MODEL)
    result = fix(spec, INTENT)
    assert type(result) is type(spec)
    assert targets(result) == TARGETS
    assert audit(result, INTENT).exit_code == 0
