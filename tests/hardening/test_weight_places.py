"""Packages whose fix adds numbers to a weight file: two programs, two runs, links, permissions."""

import errno
import os
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

from hardening import weighted_places
from hardening.program_entries import MODEL, WEIGHTS
from tests.cli.commands import bound, run
from tests.formats.mlprogram import build
from tests.support.cases import read_bytes
from tests.support.folders import contents
from tests.support.process import REPOSITORY

FIX = weighted_places.DECOMPOSE
posix = pytest.mark.skipif(os.name != "posix", reason="needs links and permissions of POSIX")


def made(name, folder):
    weighted_places.copied(name)(str(folder))
    return os.path.join(str(folder), "model.mlpackage")


def matrices(package):
    """The two-dimensional constants of every program in a package, as coremltools reads them."""
    spec = build.opens(package)
    folder = os.path.dirname(os.path.join(package, WEIGHTS))
    models = list(spec.pipeline.models) or [spec]
    found = []
    for model in models:
        with build.quiet():
            loaded = build.milproto.load(model, model.specificationVersion, folder)
        for operation in loaded.functions["main"].operations:
            value = operation.outputs[0].val
            if operation.op_type == "const" and np.ndim(value) == 2:
                found.append(value)
    return found


def cubic(size, count):
    """PyTorch's matrix of bicubic interpolation (a = -0.75), with repeated edges."""

    def weight(t):
        t, a = abs(t), -0.75
        if t <= 1:
            return (a + 2) * t**3 - (a + 3) * t**2 + 1
        return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0

    matrix = np.zeros((count, size))
    for row in range(count):
        at = (row + 0.5) * size / count - 0.5
        for pixel in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            matrix[row, min(max(pixel, 0), size - 1)] += weight(at - pixel)
    return matrix


def test_two_programs_of_a_pipeline_add_to_one_weight_file(tmp_path):
    path = made("pipeline", tmp_path)
    old = read_bytes(os.path.join(path, WEIGHTS))
    ran = run(path, *FIX, "--in-place")
    assert ran.code == 0, ran.err
    sides = [weighted_places.FIRST, weighted_places.SECOND]
    wanted = [cubic(before[0], after[0]) for before, after in sides]
    for matrix in wanted:
        (found,) = [one for one in matrices(path) if one.shape == matrix.shape]
        assert np.allclose(found, matrix, atol=1e-6)
    new = read_bytes(os.path.join(path, WEIGHTS))
    assert struct.unpack("<I", new[:4])[0] == struct.unpack("<I", old[:4])[0] + 2
    assert new[4 : len(old)] == old[4:]
    before = contents(path)
    assert run(path, *FIX, "--in-place").code == 0
    assert contents(path) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights", "no weights", "pipeline"])
def test_two_runs_at_once(name, tmp_path):
    """One may be refused; what is there is the old package or the new one, of both files."""
    good = made(name, tmp_path / "good")
    old = contents(good)
    assert run(good, *FIX, "--in-place").code == 0
    new = contents(good)
    for number in range(2):
        path = made(name, tmp_path / str(number))
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "coreml_resize_fix", path, *FIX, "--in-place"],
                env=dict(os.environ, PYTHONPATH=REPOSITORY),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for _ in range(3)
        ]
        ended = [(process.communicate()[1].decode(), process.returncode) for process in running]
        assert 0 in [code for _, code in ended]
        for told, code in ended:
            assert code == 0 or (code == 2 and told.startswith("error: "))
        assert contents(path) == new != old


@posix
@pytest.mark.parametrize("inner", [WEIGHTS, os.path.dirname(WEIGHTS)])
@pytest.mark.parametrize("options", [(), ("--in-place",)])
def test_weights_behind_a_link_that_leads_out(inner, options, tmp_path):
    path, outside = made("weights", tmp_path / "in"), str(tmp_path / "outside")
    shutil.move(os.path.join(path, inner), outside)
    os.symlink(outside, os.path.join(path, inner))
    before = contents(tmp_path)
    ran = run(path, *FIX, *options)
    assert ran.code == 2
    assert "has a link that leads out of it" in ran.err
    assert contents(tmp_path) == before


@pytest.mark.slow
@posix
@pytest.mark.parametrize("inner", ["", os.path.dirname(WEIGHTS), os.path.dirname(MODEL)])
def test_a_folder_that_may_not_be_written(inner, tmp_path):
    path = made("weights", tmp_path / "here")
    locked = os.path.join(path, inner) if inner else os.path.dirname(path)
    os.chmod(locked, 0o555)
    before = contents(tmp_path)
    ran = bound(path, *FIX, "--in-place")
    # Files take their places in the folders that they are in; that around the package is not one.
    code = ran.code
    if code == 0:
        assert inner == ""
    else:
        assert ran.err.startswith("error: ")
        assert "ermission" in ran.err
        assert contents(tmp_path) == before
    assert not [name for name in contents(tmp_path) if ".crf-" in name]
    os.chmod(locked, 0o755)


def test_an_empty_folder_for_weights_stays_where_the_system_fails_to_say_that_it_is_there(
    tmp_path, monkeypatch
):
    path = made("no weights", tmp_path)
    folder = os.path.dirname(os.path.join(path, WEIGHTS))
    assert os.listdir(folder) == []
    before, really = contents(tmp_path), os.stat

    def fail(name, *more, **options):
        if str(name).endswith("weights"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), name)
        return really(name, *more, **options)

    monkeypatch.setattr(os, "stat", fail)
    ran = run(path, *FIX, "--in-place")
    monkeypatch.undo()
    assert (ran.code, ran.err[:7]) == (2, "error: ")
    assert contents(tmp_path) == before


@posix
def test_a_pipe_in_the_place_of_the_weights(tmp_path):
    path = made("weights", tmp_path)
    os.unlink(os.path.join(path, WEIGHTS))
    os.mkfifo(os.path.join(path, WEIGHTS))
    ran = run(path, *FIX)
    assert ran.code == 2
    assert "which is not there" in ran.err
