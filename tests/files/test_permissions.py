"""Folders that may not be searched: nothing in them is said to be missing, or left there."""

import os
import subprocess
import sys

import pytest

from tests.cli.commands import CORNERS, FIXABLE, model, package
from tests.support.process import REPOSITORY, bound_by_permissions


@pytest.fixture
def closed(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    yield folder
    folder.chmod(0o700)


def bound(closed, *arguments):
    """The command under permissions that bind it, when nobody may search the folder."""
    command = [*bound_by_permissions(), sys.executable, "-m", "coreml_resize_fix"]
    closed.chmod(0)
    return subprocess.run(
        [*command, *map(str, arguments), "--assume", CORNERS],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", [model, package])
def test_a_model_in_it_is_not_said_to_be_missing(kind, closed):
    path = model(FIXABLE, closed) if kind is model else package(closed)
    ran = bound(closed, path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "error: cannot read `{}`: permission denied\n"
        "help: nothing was written; check the file, its permissions and the disk\n".format(path)
    )


@pytest.mark.parametrize("kind", [model, package])
def test_an_output_in_it_leaves_nothing_to_delete(kind, closed, tmp_path):
    path = model(FIXABLE, tmp_path) if kind is model else package(tmp_path)
    ran = bound(closed, path, "-o", closed / "new")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "error: cannot write in `{}`: permission denied\n"
        "help: choose a folder that you may write to, for a model with `-o`\n".format(closed)
    )
