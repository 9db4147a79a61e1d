"""`--write-manifest`: a file that a person reads, and the same intents when it is read again."""

import json
import os
import re
from dataclasses import replace

import pytest

from coreml_resize_fix.intents.source import Manifest
from tests.cli.commands import INTENT, UNET, run
from tests.support import cases
from tests.support.converted import knows_programs
from tests.support.tensorflow_cases import TensorFlowCase

PROGRAM = os.path.join(cases.FIXTURES, "mlprogram", "ct72_ml17_acT_sf0p7", "model.mlpackage")


def lines_of(path):
    """The lines of a manifest, of which none says nothing and none is a number alone."""
    text = path.read_text("utf-8")
    json.loads(text)
    assert "null" not in text
    assert not re.search(r"^\s*[-\d.]+,?$", text, re.MULTILINE)
    return [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize("case", cases.ALL, ids=lambda case: case.name)
def test_intents_come_back(case, tmp_path):
    path = tmp_path / "intent.json"
    intents = case.intents(used_only=False)
    Manifest(intents).save(str(path))
    assert list(Manifest.load(str(path))) == intents
    sizes = [intent.output_size for intent in intents]
    written = [line for line in lines_of(path) if line.startswith('"output_size": ')]
    assert written == [f'"output_size": [{height}, {width}],' for height, width in sizes]


def test_several_sizes_are_one_line(tmp_path):
    path = tmp_path / "intent.json"
    (first, *_) = cases.named("legacy_nearest").intents()
    sizes = (((4, 6), (8, 12)), ((5, 6), (10, 12)))
    intent = replace(first, size=None, input_size=(4, 6), output_size=(8, 12), sizes=sizes)
    Manifest([intent]).save(str(path))
    assert '"sizes": [[[4, 6], [8, 12]], [[5, 6], [10, 12]]]' in lines_of(path)
    assert list(Manifest.load(str(path))) == [intent]


def test_the_command_writes_what_it_read(tmp_path):
    path = tmp_path / "intent.json"
    ran = run(UNET, "-n", "-m", INTENT, "--write-manifest", path)
    assert (ran.code, ran.err) == (1, f"wrote the manifest `{path}`\n")
    assert list(Manifest.load(str(path))) == list(Manifest.load(INTENT))
    last = """,
    {
      "name": "decoder.gate",
      "mode": "nearest",
      "align_corners": false,
      "antialias": false,
      "size": [50, 62],
      "input_size": [25, 31],
      "output_size": [50, 62],
      "channels": 4
    }
  ]
}
"""
    assert path.read_text().endswith(last)


def test_a_framework_that_is_not_the_first_is_kept(tmp_path):
    path = tmp_path / "intent.json"
    (first, *_) = cases.named("legacy_nearest").intents()
    second = replace(first, framework="opencv", framework_version=None, index=1)
    Manifest([first, second]).save(str(path))
    assert list(Manifest.load(str(path))) == [first, second]


@pytest.mark.parametrize("model", [UNET, PROGRAM], ids=["neural-network", "ml-program"])
def test_a_template_of_a_model(model, tmp_path):
    """Names and sizes as they are in the file, and what only a person knows left open."""
    if model == PROGRAM and not knows_programs():
        pytest.skip("no schema of ML Programs: pip install 'coremltools>=5'")
    path = tmp_path / "template.json"
    written = run(model, "--write-manifest", path)
    assert written.code == 3
    assert f"wrote a template `{path}`: answer what it asks" in written.err
    entries = json.loads(path.read_text())["resizes"]
    sizes = [entry["size"] for entry in entries if "size" in entry]
    assert sizes
    written = [line for line in lines_of(path) if line.startswith('"size": ')]
    assert written == [f'"size": [{height}, {width}]' for height, width in sizes]
    ran = run(model, "-n", "-m", path)
    assert (ran.code, "true or false?" in ran.err) == (2, True)


ASKED = "tensorflow1 or tensorflow2?"


def of_tensorflow(name):
    case = TensorFlowCase(name)
    if not case.is_readable:
        pytest.skip("the schema is older than the model: pip install 'coremltools>=5'")
    return case.path


@pytest.mark.parametrize("name", ["ct41_unet_nn", "ct90_unet_ml"])
def test_a_template_of_a_model_of_tensorflow(name, tmp_path):
    """PyTorch did not make these calls, and the file does not say which TensorFlow did."""
    path, model = tmp_path / "template.json", of_tensorflow(name)
    assert run(model, "--write-manifest", path).code == 3
    document = json.loads(path.read_text())
    assert "producer" not in document
    assert [entry["framework"] for entry in document["resizes"]] == [ASKED] * 2
    ran = run(model, "-n", "-m", path)
    assert (ran.code, ASKED in ran.err) == (2, True)
    for entry in document["resizes"]:
        entry.update(framework="tensorflow2", align_corners=False)
    path.write_text(json.dumps(document))
    assert run(model, "-n", "-m", path).code == 0


def test_an_entry_on_the_page_of_a_model_of_tensorflow(tmp_path):
    path = tmp_path / "page.html"
    assert run(of_tensorflow("ct90_unet_nn"), "--report", path).code == 3
    assert path.read_text("utf-8").count(ASKED) == 2
