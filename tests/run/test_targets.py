"""Where a result may go, and that a refused one leaves nothing behind."""

import os

import pytest

from coreml_resize_fix.errors import ModelError, OutputError, ProofError
from coreml_resize_fix.formats.neuralnetwork import (
    parameters,
    write_parameters,
)
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import outputs, pipeline
from tests.support import build, cases, edits, saving
from tests.support.folders import contents

ASK = Intent(align_corners=True, size=(12, 16))


@pytest.fixture
def model(tmp_path):
    return build.write(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))


@pytest.fixture
def package(tmp_path):
    return build.write_package(tmp_path, build.network([2, 6, 8], [build.DOUBLE], version=3))


def fix(path, **options):
    return pipeline.process(path, pipeline.Request(assume=ASK, **options))


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("model.mlmodel", "model-fixed.mlmodel"),
        ("a.b/c.d.mlmodel", "a.b/c.d-fixed.mlmodel"),
        ("model.mlpackage", "model-fixed.mlpackage"),
        ("model.mlpackage/", "model-fixed.mlpackage"),
        ("a.b/model", "a.b/model-fixed"),
    ],
)
def test_default_names(path, target):
    assert outputs.default_output(path) == target


# what → the target's name, and why it is refused
REFUSED = {
    "the input": ("{input}", "is the input"),
    "a link to the input": ("link", "is the input"),
    "another spelling of it": ("folder/../{input}", "is the input"),
    "a folder": ("folder", "is a folder"),
    "in no folder": ("none/new", "does not exist"),
    "in a file": ("file/new", "does not exist"),
}


@pytest.mark.parametrize("kind", sorted(REFUSED))
@pytest.mark.parametrize("suffix", ["mlmodel", "mlpackage"])
def test_targets_that_are_refused_even_by_force(kind, suffix, request, tmp_path):
    path = request.getfixturevalue("model" if suffix == "mlmodel" else "package")
    os.symlink(path, str(tmp_path / "link"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"there before")
    name, reason = REFUSED[kind]
    target = os.path.join(str(tmp_path), name.format(input=os.path.basename(path)))
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=reason) as caught:
        fix(path, output=target, force=True)
    assert target in str(caught.value)
    assert caught.value.hint
    assert contents(tmp_path) == before


def identity(path):
    """What tells a file from another in its place; reading alone changes the time of access."""
    status = os.lstat(path)
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


@pytest.mark.parametrize("kind", ["file", "link to nothing", "package"])
def test_what_exists_is_refused_without_force(kind, model, tmp_path):
    target = str(tmp_path / "new.mlmodel")
    if kind == "file":
        build.write(tmp_path, b"there before", "new.mlmodel")
    elif kind == "package":
        build.write_package(tmp_path, b"there before", "new.mlmodel")
    else:
        os.symlink("nothing", target)
    before = identity(target)
    # A folder is no model file, and `--force` makes none of it.
    says = "new.mlmodel` is a folder" if kind == "package" else "new.mlmodel` exists"
    with pytest.raises(OutputError, match=says) as caught:
        fix(model, output=target)
    assert ("--force" in caught.value.hint) == (kind != "package")
    assert identity(target) == before
    assert sorted(os.listdir(str(tmp_path))) == ["model.mlmodel", "new.mlmodel"]


def test_the_default_target_is_refused_too_if_it_exists(model, tmp_path):
    build.write(tmp_path, b"there before", "model-fixed.mlmodel")
    with pytest.raises(OutputError, match=r"model-fixed.mlmodel` exists"):
        fix(model)
    assert cases.read_bytes(str(tmp_path / "model-fixed.mlmodel")) == b"there before"
    report = fix(model, force=True)
    assert report.output == str(tmp_path / "model-fixed.mlmodel")
    assert edits.parsed(report.output) == edits.apply(
        edits.parsed(model), {"layers[0]": edits.strict(12, 16)}
    )


@pytest.mark.parametrize("inside", ["new.mlpackage", "Data/com.apple.CoreML/model.mlmodel"])
def test_a_target_inside_of_the_input_package_is_refused(inside, package, tmp_path):
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="is inside of the input"):
        fix(package, output=os.path.join(package, inside), force=True)
    assert contents(tmp_path) == before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs the /proc of Linux")
def test_a_folder_in_which_nobody_may_write(model, tmp_path):
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"cannot write in `/proc`"):
        fix(model, output="/proc/new.mlmodel")
    assert contents(tmp_path) == before


def test_an_output_that_was_asked_for_is_written_even_if_nothing_changes(model, tmp_path):
    fixed = fix(model).output
    again = str(tmp_path / "again.mlmodel")
    report = fix(fixed, output=again)
    assert (report.exit_code, report.output) == (0, again)
    assert [finding.verdict for finding in report.findings] == ["match"]
    assert cases.read_bytes(again) == cases.read_bytes(fixed)


@pytest.mark.parametrize("options", [{}, {"in_place": True}])
def test_a_result_that_no_reader_takes_is_refused_before_it_is_opened(
    options, model, tmp_path, monkeypatch
):
    result = edits.apply(
        edits.parsed(model), {"layers[0]": edits.strict(12, 16)}
    ).SerializeToString()
    before = contents(tmp_path)

    saving.making_fails(monkeypatch, AssertionError("the output was opened"))
    monkeypatch.setattr(splice, "LARGEST", len(result) - 1)
    with pytest.raises(OutputError, match="the result would have {} bytes".format(len(result))):
        fix(model, **options)
    assert contents(tmp_path) == before
    monkeypatch.undo()
    monkeypatch.setattr(splice, "LARGEST", len(result))
    fix(model, **options)
    assert contents(tmp_path) != before


def test_in_memory_such_a_result_is_refused_too(model, monkeypatch):
    data = cases.read_bytes(model)
    result = edits.apply(edits.parse(data), {"layers[0]": edits.strict(12, 16)})
    monkeypatch.setattr(splice, "LARGEST", len(result.SerializeToString()) - 1)
    with pytest.raises(OutputError, match="the result would have"):
        pipeline.process_bytes(data, "model", pipeline.Request(assume=ASK))


WRONG = {
    "another mode": lambda right: right.replace(b"\x12\x00", b"\x12\x02\x08\x01"),
    "another size": lambda right: right.replace(b"\x0c\x10", b"\x0c\x11"),
    "no size": lambda right: b"\xda\x0d\x00",
    "no type": lambda right: b"",
    "no message": lambda right: right[:-1],
}


@pytest.mark.parametrize("name", sorted(WRONG))
@pytest.mark.parametrize("options", [{}, {"in_place": True}, {"output": "new", "force": True}])
def test_a_result_that_does_not_stand_its_audit_is_not_written(
    name, options, model, tmp_path, monkeypatch
):
    before = contents(tmp_path)
    right = write_parameters.field_bytes(parameters.ResizeBilinear((12, 16)))
    wrong = WRONG[name](right)
    assert wrong != right
    monkeypatch.setattr(write_parameters, "field_bytes", lambda params: wrong)
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ProofError, ModelError)) as caught:
        fix(model, **options)
    assert caught.value.hint
    assert contents(tmp_path) == before
    with pytest.raises((ProofError, ModelError)):
        pipeline.process_bytes(cases.read_bytes(model), "model", pipeline.Request(assume=ASK))
