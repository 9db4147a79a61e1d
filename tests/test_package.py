"""What a release uploads: the source archive has every file of the repository, tests too."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("flit_core.buildapi", reason="needs flit_core: `nox -s package` has it")

ROOT = Path(__file__).resolve().parent.parent
BUILD = "import sys; from flit_core.buildapi import build_sdist; print(build_sdist(sys.argv[1]))"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The unpacked source archive."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-c", BUILD, str(folder)]
    built = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, check=True)
    name = built.stdout.decode().split()[-1]
    with tarfile.open(str(folder / name)) as archive:
        archive.extractall(str(folder))
    return folder / name[: -len(".tar.gz")]


def test_every_file_of_the_repository_is_in_it(source):
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE)
    if listed.returncode != 0:
        pytest.skip("needs git and a clone")
    names = {name for name in listed.stdout.decode().split("\0") if name}
    assert len([name for name in names if name.startswith("tests/fixtures/")]) > 300
    found = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert names - found == set()
    assert found - names <= {"PKG-INFO"} | {name for name in found if (ROOT / name).exists()}


def test_metadata_of_today(source):
    text = (source / "PKG-INFO").read_text(encoding="utf-8")
    for line in ("License-Expression: MIT", "License-File: LICENSE", "Requires-Python: >=3.7"):
        assert line in text.splitlines()
    assert text.count("\nProject-URL: ") == 4
