"""Disks that fail and results that are no models: a sentence of the right kind, nothing lost."""

import errno
import io
import os

import pytest

from coreml_resize_fix.errors import ModelError, OutputError, ProofError
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline
from tests.cli.commands import CORNERS, FIXABLE, model, package, run
from tests.support.folders import contents

BROKEN = OSError(errno.EIO, "Input/output error")
FIX = pipeline.Request(assume=assume.parse(CORNERS))


class Failing(io.FileIO):
    """A file of which nothing behind a place can be read."""

    good = 0

    def read(self, size=-1):
        if self.tell() + size > self.good:
            raise BROKEN
        return super().read(size)


def test_a_byte_that_cannot_be_read_is_an_error_of_the_model(tmp_path):
    with Failing(model(FIXABLE, tmp_path)) as file:
        source = Source(file)
        with pytest.raises(ModelError, match="byte 7 cannot be read: input/output error") as caught:
            source.read(7, 20)
    assert caught.value.hint


def test_the_command_says_so_without_calling_it_a_defect(tmp_path, monkeypatch):
    path = model(FIXABLE, tmp_path)
    really_open = open

    def open_or_fail(name, *rest, **options):
        return Failing(name) if name == path else really_open(name, *rest, **options)

    monkeypatch.setattr("builtins.open", open_or_fail)
    ran = run(path, "-n", "--assume", CORNERS)
    assert ran.code == 2
    assert "byte 0 cannot be read: input/output error" in ran.err
    assert "defect" not in ran.err


def test_a_disk_that_fails_while_weights_are_copied_is_no_error_of_the_output(tmp_path):
    path = model(FIXABLE, tmp_path)
    size = os.path.getsize(path)
    with Failing(path) as file:
        file.good = size // 2
        with pytest.raises(OutputError, match="the model cannot be read any more: input/output"):
            splice.write(file, size, io.BytesIO(), [])


def test_a_result_that_is_no_model_fails_its_proof(tmp_path, monkeypatch):
    path = model(FIXABLE, tmp_path)
    before = contents(tmp_path)

    def garbage(source, size, target, changes, seen):
        target.write(b"\xff" * size)

    monkeypatch.setattr(splice, "write", garbage)
    with pytest.raises(ProofError, match=r"the result of `.*` is not a readable model"):
        pipeline.process(path, FIX)
    assert contents(tmp_path) == before
    assert run(path, "--assume", CORNERS).code == 1


def test_the_model_of_a_package_keeps_its_permissions(tmp_path):
    path = package(tmp_path)
    inside = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
    os.chmod(os.path.join(path, inside), 0o640)
    report = pipeline.process(path, FIX)
    assert os.stat(os.path.join(report.output, inside)).st_mode & 0o777 == 0o640


def test_a_file_replaced_in_place_keeps_its_extended_attributes(tmp_path):
    path = model(FIXABLE, tmp_path)
    try:
        os.setxattr(path, "user.origin", b"export 12")
    except (AttributeError, OSError) as error:
        pytest.skip("this system or file system has no extended attributes: {}".format(error))
    os.chmod(path, 0o600)
    assert run(path, "--assume", CORNERS, "--in-place").code == 0
    assert os.getxattr(path, "user.origin") == b"export 12"
    assert os.stat(path).st_mode & 0o777 == 0o600
    other = tmp_path / "other.mlmodel"
    assert run(path, "--assume", CORNERS, "-o", other).code == 0
    assert os.listxattr(str(other)) == []
