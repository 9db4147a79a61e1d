"""Folders that cannot be listed: nothing in them is said to be missing, or left there."""

import pytest

from tests.cli.commands import CORNERS, FIXABLE, bound, model, package


@pytest.fixture
def closed(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    yield folder
    folder.chmod(0o700)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("kind", [model, package])
def test_a_model_in_it_is_not_said_to_be_missing(kind, closed):
    path = model(FIXABLE, closed) if kind is model else package(closed)
    closed.chmod(0)
    ran = bound(path, "--assume", CORNERS)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: cannot read `{}`: permission denied\n"
        "help: nothing was written; check the file, its permissions and the disk\n".format(path)
    )


@pytest.mark.slow
@pytest.mark.parametrize("inner", [(), ("Data", "com.apple.CoreML")])
def test_what_is_in_a_package_is_not_said_to_be_missing(inner, closed):
    path = package(closed)
    shut = closed.joinpath(path, *inner)
    shut.chmod(0o600)
    ran = bound(path, "--assume", CORNERS)
    shut.chmod(0o700)
    said = path if not inner else str(shut / "model.mlmodel")
    assert ran.err.startswith("error: cannot read `{}`: permission denied\n".format(said))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [model, package])
def test_an_output_in_it_leaves_nothing_to_delete(kind, closed, tmp_path):
    path = model(FIXABLE, tmp_path) if kind is model else package(tmp_path)
    closed.chmod(0)
    ran = bound(path, "--assume", CORNERS, "-o", closed / "new")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: cannot write in `{}`: permission denied\n"
        "help: choose a folder that you may write to, for a model with `--output`\n".format(closed)
    )
