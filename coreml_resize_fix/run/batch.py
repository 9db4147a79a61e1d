"""Several models in one run: what became of each, in one process or in several."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Callable, Generator, Iterator, Optional, Sequence, Union

from coreml_resize_fix import progress
from coreml_resize_fix.errors import ManifestError, ResizeFixError, lacks_memory
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.jobs import Task, manifest_of
from coreml_resize_fix.run.request import Failure, ModelReport, Request

Result = Union[ModelReport, Failure]
Reader = Callable[[str], Manifest]


def intents_of(task: Task, given: Optional[str], read: Reader) -> Optional[Manifest]:
    """The manifest of one model, if there is one; `given` is a file or a folder of them.

    Raises:
        ManifestError: the folder has none for the model, or it cannot be read.
    """
    path = manifest_of(task, given)
    return read(path) if path is not None else None


def one(
    task: Task,
    given: Optional[str],
    request: Request,
    read: Reader,
    tell: progress.Tell = progress.silent,
) -> Result:
    """What became of one model; an error is a value here."""
    try:
        manifest = intents_of(task, given, read)
        if manifest is not None:
            request = replace(
                request,
                manifest=manifest,
                tensors=manifest.tensors,
                notices=tuple(manifest.notices),
            )
        return pipeline.process(task.model, replace(request, output=task.output), tell)
    except ResizeFixError as error:
        return failure(error, task.model)


def failure(error: ResizeFixError, path: Optional[str] = None) -> Failure:
    """An error as a value; `path` is the model that it happened at."""
    details = error.defects if isinstance(error, ManifestError) else ()
    return Failure(path, str(error), error.hint, error.exit_code, tuple(details))


def run(
    tasks: Sequence[Task],
    given: Optional[str],
    request: Request,
    read: Reader,
    jobs: int = 1,
    tell: progress.Tell = progress.silent,
    show_defects: bool = False,
) -> Iterator[Result]:
    """The results in the order of the tasks, `jobs` models at a time.

    A defect of this tool is a failure of one model, or raised with `show_defects`. Closing the
    iterator ends the work on models that are not done; their results are not there then.
    """
    jobs = min(jobs, len(tasks))
    alone = tell if len(tasks) == 1 else progress.silent
    work = partial(
        _done, given=given, request=request, read=read, tell=alone, show_defects=show_defects
    )
    results: Generator[Result, None, None] = (work(task) for task in tasks)
    if jobs > 1:
        from coreml_resize_fix.run import pool

        results = pool.run(work, tasks, jobs, _killed)
    with closing(results):
        for number, result in enumerate(results, 1):
            if len(tasks) > 1:
                tell(number, len(tasks), "models", "model")
            yield result


def _done(
    task: Task,
    given: Optional[str],
    request: Request,
    read: Reader,
    tell: progress.Tell,
    show_defects: bool,
) -> Result:
    """What became of one model; a defect of this tool is a value, too, unless they are shown."""
    try:
        return one(task, given, request, read, tell)
    except Exception as error:
        if show_defects:
            raise
        return _defect(task.model, error)


def _killed(task: Task) -> Failure:
    return Failure(
        task.model,
        f"a worker process was ended by the system at `{task.model}`",
        "its result is there as a whole or not at all; if memory is short, end other programs, or "
        "pass `--jobs 1` or `--no-verify`",
    )


def _defect(model: str, error: Exception) -> Failure:
    """A defect of this tool, told as one sentence like everything else."""
    if lacks_memory(error):
        return Failure(
            model,
            "there is not enough memory for `{}`".format(model),
            "nothing was written; end other programs, or pass `--no-verify`",
        )
    return Failure(
        model,
        "a defect of this tool stopped it at `{}`: {}: {}".format(
            model, type(error).__name__, error
        ),
        "nothing was written; run again with `-v` and report what it prints",
    )
