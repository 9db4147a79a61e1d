"""Which models a run has, where their results go, and the manifest of each."""

import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import Iterator, List, Optional, Sequence, Tuple

from coreml_resize_fix.errors import ManifestError, OutputError, reason
from coreml_resize_fix.files import failures, places, tree
from coreml_resize_fix.formats.package import FILE_SUFFIX, SUFFIX, is_package, suffix_of
from coreml_resize_fix.run.outputs import default_output

_SUFFIXES = (FILE_SUFFIX, SUFFIX)
_SEPARATORS = os.sep + (os.altsep or "")
# What the manifest of `net.mlmodel` may be called in a folder of manifests.
_MANIFESTS = (".json", ".intent.json", ".onnx")


@dataclass(frozen=True)
class Task:
    """One model of a run: its path, and its name below an output folder or a manifest folder.

    `folder` is the one that its result goes to, if it is made for that.
    """

    model: str
    name: str
    output: Optional[str] = None
    folder: Optional[str] = None


def find(paths: Sequence[str]) -> Tuple[List[Task], List[str]]:
    """The models that the paths mean, and the results of earlier runs that folders hold.

    A folder stands for every model in it and below it, in order of name, except for
    `<stem>-fixed<suffix>` beside its input.

    Raises:
        ModelError: a folder cannot be read: a model in it would be passed over.
    """
    tasks: List[Task] = []
    passed: List[str] = []
    for path in paths:
        inside = list(_models_below(path)) if _may_hold_models(path) else []
        results = {default_output(model) for model in inside}
        passed += [model for model in inside if model in results]
        tasks += [
            Task(model, os.path.relpath(model, path)) for model in inside if model not in results
        ]
        if not inside:  # one model, or something that will be told apart from one
            tasks.append(Task(path, os.path.basename(os.path.abspath(path))))
    seen = set()
    once: List[Task] = []
    for task in tasks:
        real = os.path.realpath(task.model)
        if real not in seen:
            once.append(task)
        seen.add(real)
    return once, passed


def _may_hold_models(path: str) -> bool:
    return (
        os.path.isdir(path)
        and not is_package(path)
        and not path.rstrip("/").endswith(_SUFFIXES + (".mlmodelc",))
    )


def _models_below(folder: str) -> Iterator[str]:
    try:
        yield from _found_below(folder)
    except OSError as error:
        raise failures.unreadable(error.filename or folder, error) from error


def _found_below(folder: str) -> Iterator[str]:
    for root, folders, files in tree.walk(folder):
        packages = [name for name in folders if name.endswith(_SUFFIXES)]
        folders[:] = sorted(
            name for name in folders if name not in packages and not name.startswith(".")
        )
        for name in sorted(packages + [name for name in files if name.endswith(FILE_SUFFIX)]):
            if not name.startswith("."):
                yield os.path.join(root, name)


def into(tasks: Sequence[Task], output: str) -> List[Task]:
    """The tasks with the places of their results: a file for one model, else below a folder.

    Raises:
        OutputError: two models would go to one place, or into what is a model or named as one.
    """
    if len(tasks) == 1 and not _is_folder(output, tasks[0].model):
        return [replace(tasks[0], output=output.rstrip(_SEPARATORS))]
    if is_package(output):
        raise OutputError(
            "`{}` is a package, and {} models would go into it".format(output, len(tasks)),
            "with several models `-o` is a folder: choose another",
        )
    if suffix_of(output) is not None:
        raise OutputError(
            "`{}` is named as a model, and would be a folder of them".format(output),
            "end its name otherwise: no folder of that name is looked into for models",
        )
    twice = [name for name, count in Counter(task.name for task in tasks).items() if count > 1]
    if twice:
        raise OutputError(
            "two models are called `{}`, and both would go to `{}`".format(min(twice), output),
            "run once for each",
        )
    paths = [os.path.join(output, task.name) for task in tasks]
    return [
        replace(task, output=path, folder=os.path.dirname(path)) for task, path in zip(tasks, paths)
    ]


def _is_folder(output: str, model: str) -> bool:
    """Whether the result of one model goes into `output`; a shell ends packages in `/`, too."""
    if os.path.isdir(output):
        return not is_package(output)
    named_as_package = output.rstrip(_SEPARATORS).endswith(SUFFIX) and is_package(model)
    return output.endswith(tuple(_SEPARATORS)) and not named_as_package


def make_folders(tasks: Sequence[Task]) -> None:
    """Make the folders that results go to.

    Raises:
        OutputError: one cannot be made, or would be inside of an input.
        OSError: the system does not say what is there.
    """
    for task in tasks:
        if task.folder is not None and places.is_inside(task.folder, task.model):
            raise OutputError(
                "the output `{}` is inside of the input".format(task.output), "choose another `-o`"
            )
    for folder in {task.folder: None for task in tasks if task.folder is not None}:
        _make_folder(folder)


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "cannot make the folder `{}`: {}".format(folder, reason(error)),
            "with several models `-o` is a folder: choose another",
        ) from error


def manifest_of(task: Task, given: Optional[str]) -> Optional[str]:
    """The manifest of one model: the file that was given, or the one of its name in that folder.

    Raises:
        ManifestError: the folder has none for the model, or two.
    """
    if given is None or not os.path.isdir(given):
        return given
    stems = [os.path.splitext(task.name)[0], os.path.splitext(os.path.basename(task.name))[0]]
    names = [stem + suffix for stem in dict.fromkeys(stems) for suffix in _MANIFESTS]
    found = [name for name in names if os.path.isfile(os.path.join(given, name))]
    if len(found) != 1:
        raise ManifestError(
            "the folder `{}` has {} for `{}`".format(
                given, "both " + " and ".join(found) if found else "no manifest", task.model
            ),
            "keep one of them" if found else "name it `{}`".format(stems[-1] + _MANIFESTS[0]),
        )
    return os.path.join(given, found[0])
