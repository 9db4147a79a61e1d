"""What each path of a run is for: what is written is not read, and nothing is written twice."""

import os
from collections import defaultdict
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from coreml_resize_fix.errors import ManifestError, OutputError, UsageError, of_system
from coreml_resize_fix.files import places
from coreml_resize_fix.formats.package import is_package
from coreml_resize_fix.intents import tensors
from coreml_resize_fix.run.jobs import Task, manifest_of
from coreml_resize_fix.run.outputs import default_output

_MANIFEST = ".json"


class Named(NamedTuple):
    """The paths that options name."""

    manifest: Optional[str]
    output: Optional[str]
    report: Optional[str]
    write_manifest: Optional[str]


class Role(NamedTuple):
    """A path and what it is for.

    `instead` is what to do if it is written and must not be; `model` is the one that it is the
    input or the output of.
    """

    name: str
    path: str
    written: bool = False
    instead: str = ""
    model: Optional[str] = None


def check(named: Named, force: bool) -> None:
    """Refuse names that are none, and a manifest that could not be written after the models.

    Raises:
        UsageError: a path is empty, or no name of a manifest.
        OutputError: the manifest to write exists, or is a pipe or a device; so may be its tensors.
    """
    for option, path in named._asdict().items():
        if path == "":
            raise UsageError(
                "`--{}` is empty".format(option.replace("_", "-")), "name a path, or leave it out"
            )
    if named.write_manifest is not None:
        from coreml_resize_fix.files import atomic

        if not named.write_manifest.lower().endswith(_MANIFEST):
            raise UsageError(
                "`{}` is no name of a manifest".format(named.write_manifest),
                "end it in " + _MANIFEST,
            )
        for role in _manifest_to_write(named):
            atomic.followed(role.path)
            refuse_existing(role.path, force)


def refuse_existing(path: str, force: bool) -> None:
    """Refuse to write what is there already, unless that is what is wanted.

    Raises:
        OutputError: it exists.
    """
    if os.path.lexists(path) and not force:
        raise OutputError("`{}` exists".format(path), "pass `--force` to overwrite it")


def of_run(named: Named, tasks: Sequence[Task], writes: bool) -> List[Role]:
    """Every path of a run that is a file or a package; `writes` is whether models are written."""
    roles = [
        Role("a model of this run", task.model, model=task.model)
        for task in tasks
        if os.path.isfile(task.model) or is_package(task.model)
    ]
    if writes:
        roles += [_output(task) for task in tasks]
    roles += _manifests(named, tasks)
    if named.report is not None:
        roles.append(Role("the report", named.report, True, "choose another `--report`"))
    return roles + list(_manifest_to_write(named))


def _output(task: Task) -> Role:
    name = "the output of `{}`".format(task.model)
    if task.output is not None:
        return Role(name, task.output, True, "choose another `-o`", task.model)
    return Role(
        name,
        default_output(task.model),
        True,
        "leave one of them out, or pass `-o` with a folder",
        task.model,
    )


def _manifests(named: Named, tasks: Sequence[Task]) -> Iterator[Role]:
    """The manifests that are read, and the recorded tensors beside each."""
    found: Dict[str, None] = {}
    for task in tasks:
        try:
            path = manifest_of(task, named.manifest)
        except ManifestError:  # told of its model
            continue
        if path is not None:
            found[path] = None
    for path in found:
        yield Role("the manifest in use", path)
        if not path.lower().endswith(".onnx"):
            yield Role("the recorded tensors in use", tensors.beside(path))


def _manifest_to_write(named: Named) -> Iterator[Role]:
    """The manifest that is written, and the recorded tensors that are written with it."""
    if named.write_manifest is None:
        return
    instead, read = "choose another `--write-manifest`", named.manifest or ""
    yield Role("the manifest to write", named.write_manifest, True, instead)
    if os.path.isfile(tensors.beside(read)) and not read.lower().endswith(".onnx"):
        beside = tensors.beside(named.write_manifest)
        yield Role("the recorded tensors to write", beside, True, instead)


def refuse_conflicts(roles: Sequence[Role]) -> None:
    """Refuse a path that is written where another one is, around it or inside of it.

    The output of a model at its own input is told where that one is written.

    Raises:
        UsageError: names both.
        ResizeFixError: the system does not say what is there.
    """
    if not any(role.written for role in roles):
        return
    lineages = []
    for role in roles:
        with of_system("`{}`".format(role.path)):
            lineages.append((role, places.lineage(role.path)))
    at: Dict[places.Identity, List[Role]] = defaultdict(list)
    for role, lineage in lineages:
        at[lineage[0]].append(role)
    for role, lineage in lineages:
        for place in lineage:
            for other in at.get(place, ()):
                if other is not role and _exclude(role, other):
                    raise _conflict(role, other, nested=place != lineage[0])


def _exclude(one: Role, other: Role) -> bool:
    of_one_model = one.model is not None and one.model == other.model
    return (one.written or other.written) and not of_one_model


def _conflict(role: Role, other: Role, nested: bool) -> UsageError:
    if nested:
        fact = "`{}`, {}, is inside of `{}`, {}".format(
            role.path, role.name, other.path, other.name
        )
    else:
        fact = "`{}` is {} and {} at once".format(role.path, role.name, other.name)
    return UsageError(fact, other.instead or role.instead)
