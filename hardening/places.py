"""Folders with a model in them, and what a fix is asked to do there."""

import os
import shutil
from typing import Callable, Dict, List, NamedTuple, Tuple

from tests.support import cases

MODEL = cases.named("blog_size2x_acT").path
RIGHT = cases.named("blog_same_acT").path  # there is nothing to fix
ASSUME = ("--assume", "bilinear,align_corners=true", "--quiet")
OLD = b"what an earlier run wrote"


class Place(NamedTuple):
    """What is in a folder, and what a fix is asked to do there."""

    make: Callable[[str], None]
    arguments: Tuple[str, ...]
    input: str
    report: str = ""  # which also reports a failure
    exchanges: bool = True  # whether the system can exchange two folders in one step
    model: str = ""  # the file that takes its place last, where others gain what it reads

    @property
    def command(self) -> List[str]:
        """The arguments of the command."""
        return [self.input, *ASSUME, *self.arguments]


def _file(folder: str) -> None:
    shutil.copy(MODEL, os.path.join(folder, "model.mlmodel"))


def _file_and_old(folder: str) -> None:
    _file(folder)
    with open(os.path.join(folder, "model-fixed.mlmodel"), "wb") as file:
        file.write(OLD)


def _link(folder: str) -> None:
    shutil.copy(MODEL, os.path.join(folder, "real.mlmodel"))
    os.symlink("real.mlmodel", os.path.join(folder, "model.mlmodel"))


def _package(folder: str) -> None:
    from tests.support import build

    build.write_package(folder, cases.read_bytes(MODEL))


def _two_packages(folder: str) -> None:
    _package(folder)
    package = os.path.join(folder, "model.mlpackage")
    shutil.copytree(package, os.path.join(folder, "model-fixed.mlpackage"))


def _audited(folder: str) -> None:
    """A model that is right, and what earlier runs said of another one."""
    shutil.copy(RIGHT, os.path.join(folder, "model.mlmodel"))
    with open(os.path.join(folder, "report.md"), "wb") as file:
        file.write(b"<!-- coreml-resize-fix -->\n")
    with open(os.path.join(folder, "intent.json"), "wb") as file:
        file.write(OLD)


PLACES: Dict[str, Place] = {
    "new file": Place(_file, (), "model.mlmodel"),
    "over a file": Place(_file_and_old, ("--force",), "model.mlmodel"),
    "in place": Place(_file, ("--in-place",), "model.mlmodel"),
    "through a link": Place(_link, ("--in-place",), "model.mlmodel"),
    "new package": Place(_package, (), "model.mlpackage"),
    "over a package": Place(_two_packages, ("--force",), "model.mlpackage"),
    "over a package, in two steps": Place(
        _two_packages, ("--force",), "model.mlpackage", exchanges=False
    ),
    "package in place": Place(_package, ("--in-place",), "model.mlpackage"),
    "over a report": Place(
        _audited, ("--dry-run", "--report", "report.md"), "model.mlmodel", "report.md"
    ),
    "over a manifest": Place(
        _audited, ("--dry-run", "--write-manifest", "intent.json", "--force"), "model.mlmodel"
    ),
}
