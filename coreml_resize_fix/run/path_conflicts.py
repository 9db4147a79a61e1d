"""Refuse paths of one run that exclude each other: read and written, or written twice."""

import os
from collections import defaultdict
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from coreml_resize_fix.errors import OutputError, UsageError, translate_os_errors
from coreml_resize_fix.files import places
from coreml_resize_fix.formats.package import is_package
from coreml_resize_fix.intents import tensors
from coreml_resize_fix.intents.manifest import STANDARD_INPUT
from coreml_resize_fix.run.jobs import Job
from coreml_resize_fix.run.outputs import refuse_existing


class NamedPaths(NamedTuple):
    """The paths that options name."""

    manifest: Optional[str]
    output: Optional[str]
    report: Optional[str]
    write_manifest: Optional[str]
    reference: Optional[str] = None


class UsedPath(NamedTuple):
    """A path and its purpose.

    `advice` is what to do if it is written and must not be; `model` is the one that it is the
    input or the output of.
    """

    purpose: str
    path: str
    written: bool = False
    advice: str = ""
    model: Optional[str] = None


def check_names(named: NamedPaths, force: bool) -> None:
    """Refuse empty names, and a manifest that could not be written after the models.

    Raises:
        UsageError: a path is empty or `-`, or cannot be the name of a manifest.
        OutputError: the manifest to write exists, or is a pipe or a device; so may be its tensors.
    """
    for option, path in named._asdict().items():
        if path == "":
            raise UsageError(
                f"`--{option.replace('_', '-')}` is empty", "name a path, or leave it out"
            )
    if named.output == STANDARD_INPUT:
        raise UsageError(
            "a result is not written to standard output", "name a file, `./-` for one of that name"
        )
    if named.write_manifest is not None:
        from coreml_resize_fix.files import atomic

        if not named.write_manifest.lower().endswith(".json"):
            raise UsageError(
                f"`{named.write_manifest}` does not name a manifest", "end it in .json"
            )
        for used in _manifest_to_write(named):
            atomic.followed(used.path)
            if os.path.isdir(used.path):
                raise OutputError(f"`{used.path}` is a folder", used.advice)
            refuse_existing(used.path, force)


def list_paths(named: NamedPaths, jobs: Sequence[Job], writes: bool) -> List[UsedPath]:
    """List the files and packages of a run; `writes` is whether models are written."""
    paths = [
        UsedPath("a model of this run", job.model, model=job.model)
        for job in jobs
        if os.path.isfile(job.model) or is_package(job.model)
    ]
    if writes:
        paths += [_output(job) for job in jobs]
    paths += _manifests_in_use(jobs)
    for path in dict.fromkeys(job.reference for job in jobs):
        if path is not None and path not in (used.path for used in paths):
            paths.append(UsedPath("the reference in use", path))
    if named.report is not None:
        paths.append(UsedPath("the report", named.report, True, "choose another `--report`"))
    return paths + list(_manifest_to_write(named))


def _output(job: Job) -> UsedPath:
    advice = "leave one of them out, or pass `--output` with a folder"
    if job.output is not None:
        advice = "choose another `--output`"
    return UsedPath(f"the output of `{job.model}`", job.target, True, advice, job.model)


def _manifests_in_use(jobs: Sequence[Job]) -> Iterator[UsedPath]:
    """The manifests that are read, and the recorded tensors beside each."""
    for path in dict.fromkeys(job.manifest for job in jobs):
        if path is not None and path != STANDARD_INPUT:
            yield UsedPath("the manifest in use", path)
            yield UsedPath("the recorded tensors in use", tensors.beside(path))


def _manifest_to_write(named: NamedPaths) -> Iterator[UsedPath]:
    """The manifest that is written, and the recorded tensors that are written with it."""
    if named.write_manifest is None:
        return
    advice, read = "choose another `--write-manifest`", named.manifest or ""
    yield UsedPath("the manifest to write", named.write_manifest, True, advice)
    if read != STANDARD_INPUT and os.path.isfile(tensors.beside(read)):
        beside = tensors.beside(named.write_manifest)
        yield UsedPath("the recorded tensors to write", beside, True, advice)


def refuse_conflicts(paths: Sequence[UsedPath]) -> None:
    """Refuse a path that is written where another one is, around it or inside of it.

    The output of a model at its own input is refused where that one is written.

    Raises:
        UsageError: names both.
        ResizeFixError: the system does not say what is there.
    """
    if not any(used.written for used in paths):
        return
    lineages = []
    for used in paths:
        with translate_os_errors(f"`{used.path}`"):
            lineages.append((used, places.lineage(used.path)))
    at: Dict[places.Identity, List[UsedPath]] = defaultdict(list)
    for used, lineage in lineages:
        at[lineage[0]].append(used)
    for used, lineage in lineages:
        for place in lineage:
            for other in at.get(place, ()):
                if other is not used and _exclude_each_other(used, other):
                    raise _conflict(used, other, nested=place != lineage[0])


def _exclude_each_other(one: UsedPath, other: UsedPath) -> bool:
    of_one_model = one.model is not None and one.model == other.model
    return (one.written or other.written) and not of_one_model


def _conflict(used: UsedPath, other: UsedPath, nested: bool) -> UsageError:
    fact = f"`{used.path}` is {used.purpose} and {other.purpose} at once"
    if nested:
        fact = f"`{used.path}`, {used.purpose}, is inside of `{other.path}`, {other.purpose}"
    return UsageError(fact, other.advice or used.advice)
