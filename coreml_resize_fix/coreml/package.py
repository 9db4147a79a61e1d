"""A .mlpackage folder: which file in it is the model."""

import json
import os
from typing import Any

from coreml_resize_fix.errors import ModelError

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
        relative = str(manifest["itemInfoEntries"][root]["path"]).replace("\0", "\ufffd")
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise ModelError(
            "the Manifest.json of `{}` does not name a root model".format(package),
            "save the package again with coremltools",
        ) from error
    data = os.path.realpath(os.path.join(package, "Data"))
    path = os.path.realpath(os.path.join(data, relative))
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
