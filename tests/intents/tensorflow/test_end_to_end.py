"""The command and the Python interface with TensorFlow's files in the place of a manifest."""

import json
import shutil

import pytest

import coreml_resize_fix
from coreml_resize_fix.formats.protobuf import schema
from hardening.program_seeds import knows_programs
from tests.cli import commands
from tests.intents.tensorflow import FIXTURES

GRAPH = {name: str(FIXTURES / "2.12-{}.pb".format(name)) for name in ("upsampling", "corners")}
LITE = str(FIXTURES / "1.15-upsampling.tflite")  # asymmetric, as TOCO wrote it


@pytest.fixture(params=["mlmodel", "mlpackage"])
def model(request):
    """What coremltools 9 made of a network, by its name."""
    if request.param == "mlpackage" and not knows_programs():
        pytest.skip("coremltools before 5 knows no ML Programs: pip install 'coremltools>=5'")
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 knows no layers of iOS 14: pip install 'coremltools>=4'")
    return lambda name: str(FIXTURES / "2.12-{}.{}".format(name, request.param))


def verdicts(ran):
    (found,) = json.loads(ran.out)["models"]
    return [layer["verdict"] for layer in found["layers"]]


@pytest.mark.parametrize("name", sorted(GRAPH))
@pytest.mark.parametrize("suffix", [".pb", ".tflite"])
def test_a_right_model_matches_its_graph(name, suffix, model):
    intents = GRAPH[name].replace(".pb", suffix)
    ran = commands.run(model(name), "-m", intents, "--dry-run", "--format", "json")
    assert ran.code == 0
    assert verdicts(ran) == ["match", "match"]


def test_another_sampling_is_drift_and_is_fixed(model, tmp_path):
    target = tmp_path / ("fixed." + model("x").rpartition(".")[2])
    given = (model("upsampling"), "-m", LITE, "--decompose", "--deployment-target", "iOS15")
    audit = commands.run(*given, "--dry-run", "--format", "json")
    assert audit.code == 1
    assert "fixable" in verdicts(audit)
    assert commands.run(*given, "-o", str(target)).code == 0
    again = commands.run(str(target), "-m", LITE, "--dry-run", "--format", "json")
    assert (again.code, set(verdicts(again))) == (0, {"match"})


def test_a_folder_of_manifests_and_a_written_one(tmp_path):
    shutil.copy(str(FIXTURES / "2.12-corners.mlmodel"), str(tmp_path / "net.mlmodel"))
    for suffix, source in ((".pb", GRAPH["corners"]), (".tflite", GRAPH["corners"])):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        shutil.copy(source.replace(".pb", suffix), str(folder / ("net" + suffix)))
        written = str(folder / "out.json")
        net = str(tmp_path / "net.mlmodel")
        ran = commands.run(net, "-m", str(folder), "--dry-run", "--write-manifest", written)
        assert ran.code == 0, ran.err
        with open(written, encoding="utf-8") as file:
            document = json.load(file)
        assert document["producer"] == {"framework": "tensorflow1"}
        assert [one["align_corners"] for one in document["resizes"]] == [True, False]
        assert commands.run(net, "-m", written, "--dry-run").code == 0


def test_a_saved_model_is_its_file(tmp_path):
    shutil.copy(str(FIXTURES / "2.12-saved_model.pb"), str(tmp_path / "saved_model.pb"))
    ran = commands.run(str(FIXTURES / "2.12-corners.mlmodel"), "-m", str(tmp_path))
    assert ran.code == 2
    assert "the folder `{}` is a SavedModel".format(tmp_path) in ran.err
    assert "`saved_model.pb`" in ran.err


def test_python(model):
    report = coreml_resize_fix.audit(model("corners"), GRAPH["corners"])
    assert [finding.verdict for finding in report.findings] == ["match", "match"]
    manifest = coreml_resize_fix.Manifest.load(GRAPH["corners"])
    assert [intent.framework for intent in manifest] == ["tensorflow1"] * 2


@pytest.mark.parametrize(
    ("path", "what"), [(GRAPH["corners"], "a TensorFlow graph"), (LITE, "a TFLite file")]
)
def test_a_network_in_the_place_of_the_model(path, what):
    ran = commands.run(path)
    assert ran.code == 2
    assert "is {}, not a Core ML model".format(what) in ran.err
    assert "`--manifest`" in ran.err


def test_a_tflite_file_is_known_by_its_mark(tmp_path):
    shutil.copy(LITE, str(tmp_path / "net.mlmodel"))
    ran = commands.run(str(tmp_path / "net.mlmodel"))
    assert ran.code == 2
    assert "is a TFLite file, not a Core ML model" in ran.err
