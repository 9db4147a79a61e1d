"""A .mlpackage folder: which file in it is the model."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import Any, Iterator, List

from coreml_resize_fix.errors import ModelError, OutputError

SUFFIX = ".mlpackage"


def is_package(path: str) -> bool:
    """Whether `path` is a folder that carries a package manifest."""
    return os.path.isdir(path) and os.path.isfile(os.path.join(path, "Manifest.json"))


def model_path(package: str) -> str:
    """Path of the model file that the package's Manifest.json names as its root model.

    Raises:
        ModelError: the manifest is damaged, or names a file outside of the package.
    """
    try:
        with open(os.path.join(package, "Manifest.json"), "rb") as file:
            manifest: Any = json.loads(file.read().decode("utf-8"))
        root = manifest["rootModelIdentifier"]
        relative = manifest["itemInfoEntries"][root]["path"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ModelError(
            "the Manifest.json of `{}` does not name a root model".format(package),
            "save the package again with coremltools",
        ) from error
    data = os.path.realpath(os.path.join(package, "Data"))
    path = os.path.realpath(os.path.join(data, str(relative)))
    if not path.startswith(data + os.sep):
        raise ModelError(
            "the Manifest.json of `{}` names a file outside of the package".format(package),
            "use a package that holds its own model",
        )
    if not os.path.isfile(path):
        raise ModelError(
            "`{}` has no model file `{}`".format(package, relative),
            "save the package again with coremltools",
        )
    return path


@contextmanager
def building(target: str, package: str, model_file: str) -> Iterator[str]:
    """The model file to write so that `target` becomes the package with another model.

    The new package is built beside its target and takes its place when the block ends well.

    Raises:
        OutputError: the folder of the target cannot be written.
    """
    folder = os.path.dirname(os.path.abspath(target))
    model_file = os.path.realpath(model_file)
    try:
        temporary = tempfile.mkdtemp(prefix=".crf-", suffix=".tmp", dir=folder)
    except OSError as error:
        raise OutputError(
            "cannot write in `{}`: {}".format(folder, (error.strerror or str(error)).lower()),
            "choose a folder that you may write to with `-o`",
        ) from error

    def is_model(directory: str, names: List[str]) -> List[str]:
        return [n for n in names if os.path.realpath(os.path.join(directory, n)) == model_file]

    try:
        new = os.path.join(temporary, "new")
        shutil.copytree(package, new, ignore=is_model)
        yield os.path.join(new, os.path.relpath(model_file, os.path.realpath(package)))
        if os.path.exists(target):
            os.rename(target, os.path.join(temporary, "old"))
        os.rename(new, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
