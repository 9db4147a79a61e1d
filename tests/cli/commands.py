"""Run the command in this process; models and manifests to run it on."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any, NamedTuple

from click.testing import CliRunner

from coreml_resize_fix.cli.command import command
from tests.support import cases
from tests.support.process import REPOSITORY, bound_by_permissions

UNET = os.path.join(cases.UNET, "unet.mlmodel")
INTENT = os.path.join(cases.UNET, "unet.intent.json")

FIXABLE = "blog_size2x_acT"  # one layer, align_corners=True
HALF = "blog_par_TF"  # one fixable layer, one that only several layers can replace
NEVER = "legacy_flexible_array"  # two layers, and the input's size varies
VARYING = "nearest,scale_factor=1.5"  # at a size that varies no layers compute it
RIGHT = "blog_same_acT"  # one layer, right as converted
MERGED = "blog_sim_par_same_TF_merged"  # one layer of two calls that differ
EMPTY = "blog_custom"  # no resize layer
CORNERS = "bilinear,align_corners=true"


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: Any, color: bool = False) -> Ran:
    try:
        runner = CliRunner(mix_stderr=False)
    except TypeError:  # click 8.2 and later always keep them apart
        runner = CliRunner()
    result = runner.invoke(command, [str(argument) for argument in arguments], color=color)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def bound(*arguments: Any, folder: Any = None) -> Ran:
    """The command, run in a folder by someone whom permissions bind, even where that is root."""
    return bound_python("-m", "coreml_resize_fix", *arguments, folder=folder)


def bound_python(*arguments: Any, folder: Any = None) -> Ran:
    ran = subprocess.run(
        [*bound_by_permissions(), sys.executable, *map(str, arguments)],
        cwd=folder and str(folder),
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def model(name: str, folder: Any, rename: str = "") -> str:
    """A copy of a fixture's model in a folder."""
    path = os.path.join(str(folder), rename or name + ".mlmodel")
    shutil.copy(UNET if name == "unet" else cases.named(name).path, path)
    return path


def manifest(document: Any, folder: Any, name: str = "intent.json") -> str:
    path = os.path.join(str(folder), name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    return path


def truth(name: str, folder: Any) -> str:
    """The manifest of a fixture's calls, in a folder."""
    document = cases.named(name).document(used_only=False)
    return manifest(document, folder, name + ".json")


def package(folder: Any, name: str = FIXABLE, rename: str = "model.mlpackage") -> str:
    """A .mlpackage that holds a fixture's model."""
    path = os.path.join(str(folder), rename)
    inside = os.path.join(path, "Data", "com.apple.CoreML")
    os.makedirs(inside)
    shutil.copy(cases.named(name).path, os.path.join(inside, "model.mlmodel"))
    entry = {"author": "com.apple.CoreML", "path": "com.apple.CoreML/model.mlmodel"}
    root = {"fileFormatVersion": "1.0.0", "rootModelIdentifier": "A"}
    manifest(dict(root, itemInfoEntries={"A": entry}), path, "Manifest.json")
    return path
