"""The README's commands, scripts, figures and links are those of the code."""

import importlib.util
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import coreml_resize_fix
from coreml_resize_fix import audit, fix
from coreml_resize_fix.cli.command import command
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import manifest
from tests.cli.test_process import environment

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
PLACE = "https://github.com/coreml-resize-fix/coreml-resize-fix/"
RAW = "https://raw.githubusercontent.com/coreml-resize-fix/coreml-resize-fix/main/"
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def script(name):
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, str(ROOT / "docs" / (name + ".py")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_first_command_fixes_the_example_and_prints_what_is_shown(tmp_path, monkeypatch):
    line = next(line for line in README.splitlines() if ".venv/bin/coreml-resize-fix " in line)
    arguments = line.split(".venv/bin/coreml-resize-fix ")[1].split()
    monkeypatch.chdir(ROOT)
    output = tmp_path / "fixed.mlmodel"
    result = CliRunner().invoke(command, arguments + ["-o", str(output)])
    assert result.exit_code == 0, result.output
    assert output.exists()
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL).group(1)
    assert shown.strip() in result.output


def test_manifest_example_is_all_that_the_example_needs():
    text = re.search(r"```json\n(.*?)```", README, re.DOTALL).group(1)
    intents = manifest.parse(text)
    assert [intent.layer for intent in intents] == list(json.loads(text))
    findings = audit(str(ROOT / "examples" / "unet" / "unet.mlmodel"), intents).findings
    assert [finding.verdict for finding in findings] == ["fixable"] * 3 + ["match"]


@pytest.mark.parametrize("page", [README, COMMAND], ids=["README", "command.md"])
def test_exit_codes_are_those_of_the_help(page):
    documented = re.findall(r"^\| (\d) \| ", page, re.MULTILINE)
    helped = re.findall(r"^ +(\d)  ", CliRunner().invoke(command, ["--help"]).output, re.MULTILINE)
    assert documented == helped == ["0", "1", "2", "3"]


def test_options_in_the_readme_exist_and_the_page_of_the_command_names_all():
    known = {
        name
        for parameter in command.params
        for name in parameter.opts + parameter.secondary_opts
        if name.startswith("--")
    }
    readme, page = (
        set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]+)", text)) for text in (README, COMMAND)
    )
    assert readme
    assert readme <= known
    assert page - {"--help"} == known - {"--version"}


def test_the_picture_is_the_one_that_the_tool_draws():
    assert "]({}docs/shift.svg)".format(RAW) in README
    drawn = (ROOT / "docs" / "shift.svg").read_text(encoding="utf-8")
    assert drawn == script("make_picture").text(), "run `python docs/make_picture.py`"


def test_the_table_is_what_the_converters_wrote():
    """The figures come from files of the converters; here they are computed from the calls."""
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 reads no files of today: pip install 'coremltools>=7'")
    made = script("make_problems")
    assert made.within(README) == README, "run `python docs/make_problems.py`"
    column = [line.split(" | ")[1] for line in made.text().splitlines() if line.startswith("| ")]
    corners = max(abs(min(9, i / 2) - i * 9 / 19) for i in range(20))
    assert column[2:5] == [
        "**{:.2f} px off**".format(corners),
        "**14×20, not 17×25**",  # 7 × int(17 / 7) and 10 × int(25 / 10)
        "**0.25 px off**",  # i / 2 for (i + 0.5) / 2 - 0.5
    ]
    steps = max(abs(min(6, (i + 0.5) * 0.7 - 0.5) - ((i + 0.5) / 1.5 - 0.5)) for i in range(10))
    row = "`scale_factor=1.5` | **7×10, not 10×15** | refused | refused | **{:.2f} px off**"
    assert row.format(steps) in README


def test_figures_in_the_text_are_those_of_the_example(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = " ".join(README.split())
    report = audit("examples/unet/unet.mlmodel", "examples/unet/unet.intent.json")
    (moved,) = report.displacements
    assert "moved by {:.1f} pixels".format(max(moved.largest)) in text
    conflict = "20×24 and 25×31 does not fit"
    assert any(conflict in notice for notice in report.notices)
    assert "20×24 pixels where the skip connection has 25×31" in text


@pytest.mark.parametrize("block", BLOCKS)
def test_python_examples_use_what_exists(block):
    names = re.findall(r"^from coreml_resize_fix import (.*)$", block, re.MULTILINE)
    for name in names[0].split(", "):
        assert hasattr(coreml_resize_fix, name)
        assert name + "(" in block
    compile(block, "README.md", "exec")


@pytest.mark.parametrize("block", [block for block in BLOCKS if "convert(traced" in block])
def test_scripts_with_coremltools_end_with_a_right_model(block, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 converts no traced models: pip install 'coremltools>=7'")
    import coremltools

    monkeypatch.chdir(tmp_path)
    refused = "exportable" in block
    given = {"mode": "bicubic", "scale_factor": 1.7} if refused else {"size": (40, 57)}
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Upsample(**given)).eval()
    example = torch.rand(1, 3, 24, 30)
    names = {"torch": torch, "model": model, "example": example}
    names["inputs"] = [coremltools.TensorType("image", example.shape)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names["traced"] = torch.jit.trace(model, example)
        exec(compile(block, "README.md", "exec"), names)
    report = audit("model.mlpackage", names["intents"], decompose=True)
    assert [finding.verdict for finding in report.findings] == ["match"]
    assert report.findings[0].layer.params.is_chain == refused


def test_the_script_for_keras_ends_with_a_right_model(tmp_path, monkeypatch):
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow: pip install tensorflow")
    keras = tf.keras
    (block,) = [block for block in BLOCKS if "convert(model)" in block]
    if keras.__version__ >= "3":  # as the page of TensorFlow says
        page = (ROOT / "docs" / "tensorflow.md").read_text(encoding="utf-8")
        (convert,) = re.findall(r"```python\n(function = .*?)```", page, re.DOTALL)
        block = block.replace("fix(", convert + "fix(").replace(
            "coremltools.convert(model)", "converted"
        )
    monkeypatch.chdir(tmp_path)
    layers = [
        keras.layers.Input((24, 30, 3), 1),
        keras.layers.Conv2D(2, 3),
        keras.layers.UpSampling2D(2, interpolation="bilinear"),
    ]
    example = np.ones((1, 24, 30, 3), np.float32)
    names = {"tf": tf, "model": keras.Sequential(layers), "example": example}
    exec(compile(block, "README.md", "exec"), names)
    report = audit("model.mlpackage", names["intents"])
    assert [finding.verdict for finding in report.findings] == ["match"]
    assert names["intents"][0].framework == "keras"
    wrong = audit("model.mlpackage", assume="framework=tensorflow1,bilinear,scale_factor=2")
    assert [finding.verdict for finding in wrong.findings] == ["needs-option"]


def test_the_script_with_onnx_coreml_runs_in_one_process(tmp_path):
    """In a process of its own: here PyTorch may have been imported before the converter."""
    if importlib.util.find_spec("onnx_coreml") is None:
        pytest.skip("needs onnx-coreml: pip install onnx-coreml==1.2")
    pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    (block,) = [block for block in BLOCKS if "onnx_coreml.convert" in block]
    given = (
        "resize = torch.nn.Upsample(size=(40, 57), mode='bilinear', align_corners=True)\n"
        "model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), resize).eval()\n"
        "example = torch.rand(1, 3, 24, 30)\n"
    )
    code = block.replace("\nwith ", "\n" + given + "with ", 1) + "intents.save('intent.json')\n"
    (tmp_path / "script.py").write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py"],
        cwd=str(tmp_path),
        env=environment(),
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    report = audit(str(tmp_path / "model.mlmodel"), str(tmp_path / "intent.json"))
    assert [finding.verdict for finding in report.findings] == ["match"]


def headings(text):
    """The anchors of a page, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def leads_somewhere(path, heading):
    return path.exists() and (not heading or heading in headings(path.read_text(encoding="utf-8")))


def test_links_of_the_readme_are_absolute_and_lead_somewhere():
    """Relative ones would lead nowhere on a package index."""
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 20
    for link in links:
        path, _, heading = link.partition("#")
        if path.startswith(RAW):
            inside = path[len(RAW) :]
        else:
            assert path.startswith(PLACE), link
            form, branch, inside = path[len(PLACE) :].split("/", 2)
            assert (form, branch) == ("tree" if (ROOT / inside).is_dir() else "blob", "main"), link
        assert leads_somewhere(ROOT / inside, heading), link


def test_links_of_the_docs_lead_somewhere():
    pages = sorted((ROOT / "docs").glob("*.md"))
    assert len(pages) > 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for path, heading in re.findall(r"\]\(([^)#:\s]*)#?([^)#:\s]*)\)", text):
            target = (page.parent / path) if path else page
            assert leads_somewhere(target, heading), (page.name, path, heading)


def test_the_example_computes_what_pytorch_did_after_the_fix(tmp_path):
    """`unet.reference.npz` is what PyTorch 1.4 made of an image; the file as it is cannot run."""
    given = {"reference": "examples/unet/unet.reference.npz"}
    fixed = fix(
        "examples/unet/unet.mlmodel",
        "examples/unet/unet.intent.json",
        output=str(tmp_path / "fixed.mlmodel"),
        **given,
    )
    assert audit(fixed, **given).exit_code == 0
    assert audit("examples/unet/unet.mlmodel", **given).exit_code == 1
