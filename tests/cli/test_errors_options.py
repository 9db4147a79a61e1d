"""Manifests and options that are wrong, and errors of a batch: exit code 2 and one sentence."""

import json
import os

import pytest

from tests.cli.commands import CORNERS, FIXABLE, UNET, bound, manifest, model, run
from tests.cli.test_errors import complained, write
from tests.support import cases
from tests.support.folders import contents

NOT_JSON = b"resizes: []\n"
# what is given as the manifest → its name, content (None: no file), what the sentence says
MANIFESTS = {
    "missing": ("m.json", None, "no such file"),
    "empty": ("m.json", b"", "is not JSON"),
    "YAML": ("m.yaml", NOT_JSON, "is not JSON"),
    "not UTF-8": ("m.json", b'{"\xff": 1}', "is not UTF-8"),
    "a model": ("m.mlmodel", cases.read_bytes(UNET), "m.mlmodel"),
    "a list": ("m.json", b"[]", "has 1 defect"),
    "defects": ("m.json", b'{"a": 1, "b": {"size": 0}}', "has 2 defects"),
    "contradicting sizes": ("m.json", b'{"a": {"size": 3, "output_size": 4}}', "has 1 defect"),
    "too deep": ("m.json", b"[" * 200000, "nested too deep"),
    "no ONNX": ("m.onnx", b"nothing", "m.onnx"),
    "no ONNX file": ("m.onnx", None, "m.onnx"),
}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_things_given_as_the_manifest(name, tmp_path):
    if "ONNX" in name:
        pytest.importorskip("onnx", reason="intents in ONNX files are read with onnx")
    file_name, content, says = MANIFESTS[name]
    path = str(tmp_path / file_name)
    if content is not None:
        write(content)(path)
    source = model(FIXABLE, tmp_path)
    before = contents(tmp_path)
    complained(run(source, "-m", path), file_name, says)
    assert contents(tmp_path) == before


def test_a_folder_without_a_manifest_for_the_model(tmp_path):
    ran = run(UNET, "-n", "-m", tmp_path)
    complained(ran, str(tmp_path), "has no manifest for `{}`".format(UNET))
    assert "help: name it `unet.json`, `unet.onnx`, " in ran.err


def test_a_folder_with_two_manifests_for_the_model(tmp_path):
    for name in ("unet.json", "unet.intent.json"):
        write(b"{}")(str(tmp_path / name))
    complained(run(UNET, "-n", "-m", tmp_path), "has both unet.json and unet.intent.json for")


def test_every_defect_of_a_manifest_has_a_line_with_its_path(tmp_path):
    path = manifest({"resizes": [{"sise": 1}, {"mode": "linear", "size": "big"}]}, tmp_path)
    ran = run(UNET, "-n", "-m", path)
    complained(ran, "`{}` has 3 defects".format(path))
    assert [line.split(":")[0] for line in ran.err.splitlines()[1:-1]] == [
        "  $.resizes[0].sise",
        "  $.resizes[1].mode",
        "  $.resizes[1].size",
    ]


OPTIONS = [
    (["--assume", "linear"], "`--assume linear` is not an intent"),
    (["--assume", ""], "it is empty"),
    (["--assume", CORNERS, "--deployment-target", "12.0.1"], "`12.0.1` is not a deployment target"),
    (["--assume", CORNERS, "--deployment-target", "android"], "`android` is not a deployment"),
    (["--assume", CORNERS, "--deployment-target", "iOS10"], "`iOS10` is not a deployment target"),
    (["--assume", CORNERS, "--deployment-target", "iOS11"], "no model is brought below iOS 12"),
]


@pytest.mark.parametrize(("arguments", "says"), OPTIONS)
def test_options(arguments, says):
    complained(run(UNET, "-n", *arguments), says)


@pytest.mark.parametrize("target", ["iOS12", "ios12", "12", " iOS 12 ", "iOS12.4", "13.0"])
def test_spellings_of_a_deployment_target(target):
    assert run(UNET, "-n", "--assume", CORNERS, "--deployment-target", target).code == 1


def test_errors_come_once_for_each_model(tmp_path):
    paths = [str(tmp_path / name) for name in ("a", "b")]
    ran = run(*paths, "--assume", CORNERS)
    assert [line.split("`")[1] for line in ran.err.splitlines() if "error" in line] == paths


def test_json_stays_json_with_an_error(tmp_path):
    ran = run(tmp_path / "missing", UNET, "-n", "--assume", CORNERS, "--format", "json")
    assert ran.json["exit_code"] == ran.code == 2
    assert [entry["path"] for entry in ran.json["models"]] == [UNET]
    assert ran.err.startswith("error: ")
    wrong = run(UNET, "--assume", "linear", "--format", "json")
    assert (wrong.json["exit_code"], wrong.json["models"], wrong.code) == (2, [], 2)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("which", ["model", "manifest"])
def test_files_that_may_not_be_read(tmp_path, which):
    source, intents = model(FIXABLE, tmp_path), manifest({"8": {}}, tmp_path)
    secret = source if which == "model" else intents
    os.chmod(secret, 0)
    complained(bound(source, "-m", intents), secret, "permission denied")


def test_a_defect_of_the_tool_is_a_sentence_too(tmp_path, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("no such thing")

    monkeypatch.setattr("coreml_resize_fix.run.pipeline.process_job", fail)
    ran = run(UNET, "--assume", CORNERS)
    complained(ran, UNET, "a defect of this tool", "RuntimeError: no such thing")
    with pytest.raises(RuntimeError):
        run(UNET, "--assume", CORNERS, "-v")


def test_names_that_no_terminal_can_print(tmp_path):
    intents = tmp_path / "m.json"
    intents.write_text(json.dumps({"resizes": [{"name": "\ud800", "layer": "46"}]}))
    ran = run(UNET, "-n", "-m", intents)
    assert ran.code == 1
    assert "`\\ud800`" in ran.out


KNOWN = "iOS11, iOS11.2, iOS12, iOS13, iOS14, iOS15, iOS16, iOS17, iOS18, iOS26"


@pytest.mark.parametrize(
    "target", ["iOS10", *("iOS{}".format(n) for n in range(19, 26)), "iOS99", "ios126", "13.99"]
)
def test_an_ios_that_does_not_exist_is_refused_with_those_that_do(target):
    ran = run(UNET, "-n", "--assume", CORNERS, "--deployment-target", target)
    complained(ran, "`{}` is not a deployment target".format(target))
    assert "help: pass one of {}, with or without a minor version\n".format(KNOWN) in ran.err


# The releases of one autumn: macOS 10.13 with iOS 11, macOS 13 and watchOS 9 with iOS 16.
OTHER_SYSTEMS = {
    "macOS10.13": "iOS11",
    "macOS 10.15": "iOS13",
    "macOS11": "iOS14",
    "macOS13.1": "iOS16",
    "macOS15": "iOS18",
    "macos26": "iOS26",
    "watchOS9": "iOS16",
    "tvOS17": "iOS17",
}


@pytest.mark.parametrize("target", sorted(OTHER_SYSTEMS))
def test_of_another_system_the_ios_of_its_year_is_named(target):
    ran = run(UNET, "-n", "--assume", CORNERS, "--deployment-target", target)
    complained(ran, "targets are named by iOS, here `{}`\n".format(OTHER_SYSTEMS[target])[:-1])


@pytest.mark.parametrize("target", ["macOS16", "macOS10.9", "watchOS2", "macOS"])
def test_of_a_system_that_does_not_exist_nothing_is_guessed(target):
    ran = run(UNET, "-n", "--assume", CORNERS, "--deployment-target", target)
    complained(ran, "is not a deployment target")
    assert "here `" not in ran.err
