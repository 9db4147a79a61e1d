"""Find the models that the paths of a command line mean."""

import os
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from coreml_resize_fix.files import failures, tree
from coreml_resize_fix.formats.package import FILE_SUFFIX, SUFFIX, has_root_model, is_package
from coreml_resize_fix.run.outputs import default_output

_SUFFIXES = (FILE_SUFFIX, SUFFIX)


class Found(NamedTuple):
    """The path of a model, and its name below an output folder or a folder of manifests."""

    path: str
    name: str


def find(paths: Sequence[str]) -> Tuple[List[Found], List[str]]:
    """Find the models that the paths mean, and the results of earlier runs that folders hold.

    A folder stands for every model in it and below it, in order of name, except for
    `<stem>-fixed<suffix>` beside its input. A model that is named twice is found once.

    Raises:
        ModelError: a folder cannot be read: a model in it would be passed over.
    """
    found: List[Found] = []
    earlier: List[str] = []
    for path in paths:
        inside = _models_below(path) if _may_hold_models(path) else []
        results = {default_output(model) for model in inside}
        earlier += [model for model in inside if model in results]
        found += [
            Found(model, os.path.relpath(model, path)) for model in inside if model not in results
        ]
        if not inside:  # one model, or what is refused as none when its turn comes
            found.append(Found(path, os.path.basename(os.path.abspath(path))))
    once: Dict[str, Found] = {}
    for model in found:
        once.setdefault(os.path.realpath(model.path), model)
    return list(once.values()), earlier


def _may_hold_models(path: str) -> bool:
    return (
        os.path.isdir(path)
        and not is_package(path)
        and not path.rstrip("/").endswith(_SUFFIXES + (".mlmodelc",))
    )


def _models_below(folder: str) -> List[str]:
    try:
        return list(_walk(folder))
    except OSError as error:
        raise failures.unreadable(error.filename or folder, error) from error


def _walk(folder: str) -> Iterator[str]:
    for root, folders, files in tree.walk(folder):
        packages = [
            name
            for name in folders
            if name.endswith(_SUFFIXES) or has_root_model(os.path.join(root, name))
        ]
        folders[:] = sorted(
            name for name in folders if name not in packages and not name.startswith(".")
        )
        for name in sorted(packages + [name for name in files if name.endswith(FILE_SUFFIX)]):
            if not name.startswith("."):
                yield os.path.join(root, name)
