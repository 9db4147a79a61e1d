"""What each kind of run imports, so that start-up cannot rot."""

import re
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE, HALF, INTENT, RIGHT, UNET, model, truth
from tests.cli.test_process import COMMAND, environment
from tests.support import cases

# Packages whose import is felt: from a tenth of a small audit to four seconds.
HEAVY = {
    "numpy",
    "google.protobuf",
    "coremltools",
    "onnx",
    "torch",
    "jinja2",
    "png",
    "tqdm",
    "multiprocessing",
    "tempfile",
    "hashlib",
}
SCHEMA = {"google.protobuf"}
# NumPy's own start imports these two on some versions; they come with it.
VALUES = SCHEMA | {"numpy"}
WITH_NUMPY = {"tempfile", "hashlib"}
WRITING = {"tempfile", "hashlib"}

# what is run → (arguments, which of the heavy ones it may import, which it must)
RUNS = {
    "help": (["--help"], set(), set()),
    "version": (["--version"], set(), set()),
    "inventory": ([UNET], SCHEMA, SCHEMA),
    "audit": ([UNET, "-n", "-m", INTENT], SCHEMA, SCHEMA),
    "assumed": ([cases.named(RIGHT).path, "-n", "--assume", CORNERS], SCHEMA, SCHEMA),
    "nothing fits": ([UNET, "-n", "--assume", "bicubic"], VALUES | WITH_NUMPY, VALUES),
    "quiet": ([UNET, "-n", "-q", "-m", INTENT], SCHEMA, SCHEMA),
    "values": ([UNET, "-n", "-m", INTENT, "--verify"], VALUES | WITH_NUMPY, VALUES),
    "json": ([UNET, "-n", "-m", INTENT, "--format", "json"], VALUES | WITH_NUMPY, VALUES),
    "explanation": (["--explain", "RSZ101"], SCHEMA, set()),
    "markdown": ([UNET, "-n", "-m", INTENT, "--format", "markdown"], VALUES | WITH_NUMPY, VALUES),
    "github": ([UNET, "-n", "-m", INTENT, "--format", "github"], SCHEMA, SCHEMA),
    "sarif": ([UNET, "-n", "-m", INTENT, "--format", "sarif"], SCHEMA | {"hashlib"}, SCHEMA),
    "inventory as markdown": ([UNET, "--format", "markdown"], SCHEMA, SCHEMA),
    "two models": ([UNET, UNET, "-n", "-m", INTENT], SCHEMA, SCHEMA),
}


def imported(*arguments):
    """The heavy packages that a run imported, by `-X importtime`."""
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], *arguments]
    ran = subprocess.run(command, env=environment(), capture_output=True, timeout=600)
    names = set(re.findall(r"^import time:.*\|\s*(\S+)\s*$", ran.stderr.decode(), re.MULTILINE))
    assert {"click", "coreml_resize_fix.cli.command"} <= names, ran.stderr.decode()
    assert ran.returncode in (0, 1, 3)
    return HEAVY & names


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_run_imports_what_it_needs(name):
    arguments, may, must = RUNS[name]
    found = imported(*arguments)
    assert found <= may
    assert found >= must


@pytest.mark.slow
def test_a_page_brings_templates_and_images_and_jobs_bring_processes(tmp_path):
    audit = [UNET, "-n", "-m", INTENT]
    page = imported(*audit, "--report", str(tmp_path / "r.html"))
    assert {"jinja2", "png"} <= page
    assert page & {"coremltools", "onnx", "torch", "tqdm", "multiprocessing"} == set()
    markdown = imported(*audit, "--report", str(tmp_path / "r.md"))
    assert markdown & {"jinja2", "png"} == set()
    twice = imported(*audit, model(RIGHT, tmp_path), "--jobs", "2")
    assert "multiprocessing" in twice
    assert twice & {"jinja2", "png", "coremltools", "onnx", "torch", "tqdm"} == set()


def test_a_fix_imports_what_measures_and_writes(tmp_path):
    found = imported(model(FIXABLE, tmp_path), "--assume", CORNERS)
    assert VALUES <= found <= VALUES | WRITING


@pytest.mark.slow
def test_several_layers_are_worked_out_with_numpy(tmp_path):
    found = imported(model(HALF, tmp_path), "-n", "-m", truth(HALF, tmp_path), "--decompose")
    assert VALUES <= found <= VALUES | WITH_NUMPY


@pytest.mark.slow
def test_an_onnx_manifest_brings_onnx_and_no_framework(tmp_path):
    pytest.importorskip("onnx", reason="intents in ONNX files are read with onnx")
    case = cases.named(FIXABLE)
    found = imported(case.path, "-n", "-m", case.path.replace("model.mlmodel", "model.onnx"))
    assert found & {"coremltools", "torch", "jinja2", "png", "tqdm"} == set()
