"""Nothing is written unless it proves to compute the intent, in values."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from coreml_resize_fix.cli.command import command
from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.neuralnetwork import sampling_modes
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.verify.compare import Recorded, measure, measure_recorded
from tests.support.cases import FIXTURES, UNET, Case

TRUE = Intent(align_corners=True, size=(20, 24))


@pytest.fixture
def unet(tmp_path):
    """A copy of the example: (model, intents)."""
    for name in ("unet.mlmodel", "unet.intent.json"):
        shutil.copy(os.path.join(UNET, name), str(tmp_path))
    return str(tmp_path / "unet.mlmodel"), manifest.load(str(tmp_path / "unet.intent.json"))


def test_an_equal_layer_proves_and_a_shifted_one_does_not():
    strict = measure(TRUE, ResizeBilinear((20, 24)), (10, 12), (20, 24))
    shifted = measure(TRUE, Upsample("BILINEAR", scaling_factor=(2, 2)), (10, 12), (20, 24))
    assert strict.proves
    assert not shifted.proves
    assert shifted.error > 0.1


def test_another_size_is_no_measurement():
    assert measure(TRUE, ResizeBilinear((20, 25)), (10, 12), (20, 24)) is None


@pytest.mark.parametrize("probe", ["ramp", "impulse", "checkerboard", "noise"])
def test_each_probe_alone_tells_the_two_grids_apart(monkeypatch, probe):
    from coreml_resize_fix.verify import probes

    monkeypatch.setattr(probes, "PROBES", {probe: probes.PROBES[probe]})
    shifted = Upsample("BILINEAR", scaling_factor=(2, 2))
    assert not measure(TRUE, shifted, (10, 12), (20, 24)).proves
    assert measure(TRUE, ResizeBilinear((20, 24)), (10, 12), (20, 24)).proves


def test_a_wrong_interpretation_stops_the_fix(monkeypatch, unet):
    path, intents = unet
    before = Path(path).read_bytes()
    monkeypatch.setitem(
        sampling_modes.SAMPLING_MODES,
        "STRICT_ALIGN_ENDPOINTS_MODE",
        sampling_modes.SAMPLING_MODES["UPSAMPLE_MODE"],
    )
    with pytest.raises(ProofError, match=r"failed its numerical proof.*instead of"):
        pipeline.process(path, pipeline.Request(manifest=intents))
    assert sorted(os.listdir(os.path.dirname(path))) == ["unet.intent.json", "unet.mlmodel"]
    assert Path(path).read_bytes() == before


def test_the_written_file_is_proved_and_not_only_the_plan(monkeypatch, unet):
    path, intents = unet

    from coreml_resize_fix.formats.neuralnetwork import write_parameters

    honest = write_parameters.field_bytes

    def dishonest(params):
        return honest(ResizeBilinear(params.target_size, "UPSAMPLE_MODE"))

    monkeypatch.setattr(write_parameters, "field_bytes", dishonest)
    with pytest.raises(ProofError, match="second audit"):
        pipeline.process(path, pipeline.Request(manifest=intents))
    assert sorted(os.listdir(os.path.dirname(path))) == ["unet.intent.json", "unet.mlmodel"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_fix_that_leaves_shapes_that_do_not_fit_is_refused(unet, dry_run):
    """The concat behind `34` could not run before, and would not run with this size either."""
    path, intents = unet
    wrong = [
        replace(intent, size=(24, 31), output_size=(24, 31)) if intent.size == (25, 31) else intent
        for intent in intents[:2]
    ] + [replace(intent, input_size=None) for intent in intents[2:]]
    with pytest.raises(ProofError, match=r"would break .*`concat` of 24×31 and 25×31"):
        pipeline.process(path, pipeline.Request(manifest=wrong, dry_run=dry_run))
    assert sorted(os.listdir(os.path.dirname(path))) == ["unet.intent.json", "unet.mlmodel"]


@pytest.mark.slow
def test_a_size_that_no_memory_holds_is_told_and_not_tried(unet):
    path, _ = unet
    intent = Intent(align_corners=True, scale_factor=(60000.0, 60000.0))
    report = pipeline.process(path, pipeline.Request(assume=intent, dry_run=True))
    assert report.findings[0].codes == ("RSZ307",)
    large = Intent(align_corners=True, size=(65536, 65536))
    with pytest.raises(ProofError, match="too large to be compared"):
        pipeline.process(path, pipeline.Request(assume=large, dry_run=True))


def test_no_verify_leaves_errors_out(unet):
    path, intents = unet
    for verify in (True, False):
        report = pipeline.process(
            path, pipeline.Request(manifest=intents, dry_run=True, verify=verify)
        )
        measured = [finding.max_abs_error_before for finding in report.findings]
        # The truncated layer makes another size, so its values cannot be compared.
        assert [error is not None for error in measured] == [verify, False, verify, verify]


def test_errors_before_and_after_are_reported(unet):
    path, intents = unet
    shifted, truncated, last, nearest = pipeline.process(
        path, pipeline.Request(manifest=intents)
    ).findings
    assert shifted.max_abs_error_before > 0.1
    assert shifted.max_abs_error_after < 1e-9
    assert truncated.max_abs_error_before is None
    assert truncated.max_abs_error_after < 1e-9
    assert last.max_abs_error_after < 1e-9
    assert nearest.max_abs_error_before == 0.0
    assert nearest.max_abs_error_after is None


def recorded_cases():
    """Cases whose tensors are committed and whose calls are all align_corners=True bilinear."""
    for group in ("corpus", "made"):
        for name in sorted(os.listdir(os.path.join(FIXTURES, group))):
            case = Case(group, name)
            if not os.path.exists(os.path.join(case.folder, "io.npz")):
                continue
            bilinear = [c["align_corners"] is True and c["mode"] == "bilinear" for c in case.calls]
            if all(bilinear) and "pipeline" not in name and "flexible" not in name:
                yield case


@pytest.mark.parametrize("case", list(recorded_cases()), ids=lambda case: case.name)
def test_written_layers_compute_what_pytorch_recorded(case):
    """The target layer of each call, on PyTorch's own tensors."""
    arrays = np.load(os.path.join(case.folder, "io.npz"))
    compared = 0
    for index, call in enumerate(case.calls):
        names = "interp{}_in".format(index), "interp{}_out".format(index)
        if names[0] not in arrays.files:
            continue
        pair = Recorded(*(arrays[name] for name in names))
        found = measure_recorded(ResizeBilinear(tuple(call["output_hw"])), pair)
        assert found.proves, str(found)
        compared += 1
    assert compared


def test_recorded_tensors_beside_the_manifest_are_used(tmp_path):
    case = Case("corpus", "blog_chain_TT")
    model, document = str(tmp_path / "model.mlmodel"), tmp_path / "intent.json"
    shutil.copy(case.path, model)
    document.write_text(json.dumps(case.document()))
    source = np.random.RandomState(1).rand(1, 4, 10, 12).astype(np.float32)
    wrong = np.zeros((1, 4, 20, 24), np.float32)
    np.savez(str(tmp_path / "intent.npz"), interp0_in=source, interp0_out=wrong)
    result = CliRunner().invoke(command, [model, "-m", str(document)])
    assert result.exit_code == 1
    assert "failed its numerical proof" in result.output
    assert sorted(os.listdir(str(tmp_path))) == ["intent.json", "intent.npz", "model.mlmodel"]


def test_damaged_tensors_are_an_error_and_no_pickle_is_loaded(tmp_path):
    case = Case("corpus", "blog_chain_TT")
    document, tensors = tmp_path / "intent.json", str(tmp_path / "intent.npz")
    document.write_text(json.dumps(case.document()))
    np.savez(tensors, interp0_in=np.array([{}], object), interp0_out=np.array([{}], object))
    result = CliRunner().invoke(command, [case.path, "-n", "-m", str(document)])
    assert result.exit_code == 2
    assert "intent.npz" in result.output
