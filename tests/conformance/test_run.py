"""The command: it runs here against the executor, and finds and names what is different."""

import json
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from coreml_resize_fix.conformance import records
from coreml_resize_fix.conformance.records import cases, record
from coreml_resize_fix.formats.protobuf import schema
from tests.support.process import REPOSITORY

MIL = pytest.mark.skipif(
    "mlProgram" not in schema.model_class().DESCRIPTOR.fields_by_name,
    reason="needs a coremltools that knows ML Programs: coremltools>=5",
)
MODULE = "tests.conformance.runtimes"
STRICT = "ml-program/grid/resize_bilinear STRICT_ALIGN_CORNERS up/float32"


def run(*arguments):
    command = [sys.executable, "-m", "coreml_resize_fix.conformance", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.mostly_slow(quick=1)
@MIL
@pytest.mark.parametrize("part", ["grid", "edge", "replacement", "kind"])
def test_every_case_passes_on_the_executor(part):
    names = [name for name in cases() if f"/{part}/" in name]
    assert len(names) > 200
    for name in names:
        made = record("numpy", "numpy", name)
        assert made["verdict"] == "as-expected", made
        assert made["largest_error"] <= 1e-5 or "float16" in name, made


def test_elsewhere_it_says_so_in_a_sentence(tmp_path):
    if sys.platform == "darwin":
        pytest.skip("Core ML is here")
    ran = run("-o", str(tmp_path / "made.json"))
    said = ran.stderr.decode().splitlines()
    assert ran.returncode == 2
    assert said == [
        f"error: Core ML runs on macOS alone, and this is `{sys.platform}`",
        "help: run it on a Mac, or with `--runtime numpy`, which asks the executor instead",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nothing"], "no case has a name like `nothing`"),
        (["--runtime", "tests:nothing"], "there is no runtime `tests:nothing`"),
        (["--runtime", "numpy", "-o", "."], "choose another name: a folder has this one"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, said):
    ran = run(*arguments)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert said in ran.stderr.decode()


@pytest.mark.slow
def test_names_are_listed():
    ran = run("--list", "--only", "neural-network/grid/*")
    names = ran.stdout.decode("utf-8").splitlines()
    assert names == [name for name in cases() if name.startswith("neural-network/grid/")]
    assert len(names) == 40


@pytest.mark.slow
@MIL
def test_a_crash_loses_one_case(tmp_path):
    path = tmp_path / "made.json"
    only = "ml-program/grid/resize_bilinear * [ud]*/float32"
    ran = run("--runtime", f"{MODULE}:crashing", "--only", only, "-o", str(path))
    verdicts = {one["name"]: one["verdict"] for one in read(path)["cases"]}
    assert ran.returncode == 1
    assert list(verdicts) == [name for name in cases() if name in verdicts]
    assert len(verdicts) == 10
    for name, verdict in verdicts.items():
        assert verdict == ("crashed" if " down/" in name else "as-expected"), name
    assert "5 crashed" in ran.stdout.decode()


@pytest.mark.slow
@MIL
def test_what_there_is_is_kept_when_a_run_is_ended(tmp_path):
    path = tmp_path / "made.json"
    command = [sys.executable, "-m", "coreml_resize_fix.conformance", "-o", str(path)]
    command += ["--runtime", f"{MODULE}:slow"]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE) as running:
        while not path.exists():
            assert running.poll() is None
            time.sleep(0.1)
        time.sleep(3)
        running.terminate()
        said = running.communicate(timeout=60)[1].decode()
    found = read(path)["cases"]
    assert (running.returncode, said) == (128 + signal.SIGTERM, "")
    assert 0 < len(found) < len(cases())
    assert [one["name"] for one in found] == list(cases())[: len(found)]
    assert list(tmp_path.iterdir()) == [path]


@MIL
def test_another_grid_is_found_and_named(monkeypatch):
    """The executor's own formula is exchanged for that of another mode."""
    from coreml_resize_fix.verify.kernels.positions import POSITIONS

    monkeypatch.setitem(POSITIONS, "STRICT_ALIGN_CORNERS", POSITIONS["UNALIGN_CORNERS"])
    made = record("numpy", "numpy", STRICT)
    assert (made["verdict"], made["reading"]) == ("other-reading", "linear half_pixel")
    assert made["largest_error"] > 0.1
    assert min(made["readings"], key=made["readings"].get) == "linear half_pixel"


@MIL
def test_the_other_rounding_of_a_factor_is_found_and_named(monkeypatch):
    from coreml_resize_fix.formats.mlprogram.execute import resizing

    monkeypatch.setattr(resizing, "_size_by_factor", lambda call, x: (x.shape[-2], 28))
    name = "ml-program/edge/upsample_bilinear 1.16 of 25, none declared/float32"
    made = record("numpy", "numpy", name)
    assert (made["verdict"], made["reading"]) == ("other-reading", "documented, double")
    assert made["largest_error"] is None  # it has another size
    assert made["got"][0]["shape"][-1] == 28


@MIL
@pytest.mark.parametrize(
    "name",
    [
        STRICT,
        "neural-network/grid/resizeBilinear UPSAMPLE_MODE up",
        "ml-program/replacement/gather/nearest to a size, version 6/float32",
        "neural-network/kind/softmax/softmax { }",
    ],
)
def test_what_is_no_known_reading_differs(name):
    made = record(f"{MODULE}:shifted", "ALL", name)
    assert (made["verdict"], made["reading"]) == ("differs", None)
    assert made["largest_error"] > 0.01


@MIL
def test_what_core_ml_says_is_kept():
    made = record(f"{MODULE}:failing", "ALL", STRICT)
    assert (made["verdict"], made["message"]) == ("refused", "Error binding output")
    assert made["got"] is None


@MIL
def test_core_ml_gets_the_model_the_unit_and_the_inputs(monkeypatch):
    """A stand-in for coremltools on macOS, which makes zeros."""
    from coreml_resize_fix.formats.protobuf.schema import model_class

    given = []

    class MLModel:
        def __init__(self, spec, weights_dir, compute_units):
            given.append((spec.specificationVersion, compute_units))
            assert Path(weights_dir).is_dir()
            (self.output,) = (one.name for one in spec.description.output)

        def predict(self, inputs):
            assert inputs["x"].shape == (1, 2, 5, 7)
            return {self.output: np.zeros((1, 2, 8, 11), np.float32)}

    stand_in = types.SimpleNamespace(
        proto=types.SimpleNamespace(Model_pb2=types.SimpleNamespace(Model=model_class())),
        models=types.SimpleNamespace(MLModel=MLModel),
        ComputeUnit=types.SimpleNamespace(CPU_AND_NE="the Neural Engine"),
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "coremltools", stand_in)
    made = record("coreml", "CPU_AND_NE", STRICT)
    assert given == [(6, "the Neural Engine")]
    assert (made["verdict"], made["compute_unit"]) == ("differs", "CPU_AND_NE")
    assert made["message"] is None
    made = record("coreml", "CPU_AND_GPU", STRICT)
    assert made["verdict"] == "refused"
    assert "has no compute unit `CPU_AND_GPU`" in made["message"]


@MIL
def test_half_precision_is_allowed_where_the_unit_computes_in_it():
    layer, operation = cases()["neural-network/kind/softmax/softmax { }"], cases()[STRICT]
    half = cases()[STRICT.replace("float32", "float16")]
    units = ("CPU_ONLY", "CPU_AND_GPU")
    assert [records.tolerance(layer, unit) for unit in units] == [1e-4, 5e-3]
    assert [records.tolerance(operation, unit) for unit in units] == [1e-4, 1e-4]
    assert records.tolerance(half, "CPU_ONLY") == 5e-3


@pytest.mark.slow
def test_the_file_is_as_it_is_documented(tmp_path):
    path = tmp_path / "made.json"
    only = "neural-network/grid/resizeBilinear * up"
    ran = run("--runtime", "numpy", "--only", only, "-o", str(path))
    assert (ran.returncode, ran.stderr) == (0, b"")
    made = read(path)
    text = (Path(REPOSITORY) / "docs" / "conformance.md").read_text(encoding="utf-8")
    tables = text.split("## The file")[1].split("| key of a record")
    for table, document in zip(tables, (made, made["cases"][0])):
        cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        assert {key for cell in cells for key in re.findall(r"`(\w+)`", cell)} == set(document)
    assert (made["format"], made["version"]) == ("coreml-resize-fix-conformance", 1)
    (answer,) = made["answers"]
    assert (answer["question"], answer["answer"]) == ("network-modes", "4 × documented")
    (output,) = made["cases"][0]["got"]
    assert output["shape"] == [1, 1, 2, 8, 11] or output["shape"] == [2, 8, 11]
    assert len(output["values"]) == 2 * 8 * 11


def test_the_workflow_runs_the_command():
    import yaml

    path = Path(REPOSITORY) / ".github" / "workflows" / "conformance.yml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(found[True]) == {"workflow_dispatch", "schedule"}  # YAML 1.1 reads `on` as a truth
    steps = found["jobs"]["device"]["steps"]
    assert any("python -m coreml_resize_fix.conformance" in one.get("run", "") for one in steps)
    (upload,) = (one for one in steps if "upload-artifact" in one.get("uses", ""))
    assert upload["with"]["path"] == "conformance-*.json"
    assert upload["if"] == "always()"
