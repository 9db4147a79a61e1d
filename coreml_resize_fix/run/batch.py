"""Several models in one run: the result of each, in one process or in several."""

from contextlib import closing
from functools import partial
from typing import Callable, Generator, Iterator, Sequence

from coreml_resize_fix import progress
from coreml_resize_fix.errors import ResizeFixError, lacks_memory
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.jobs import Job
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.run.results import Failure, Result

Reader = Callable[[str], Manifest]


def run(
    jobs: Sequence[Job],
    request: Request,
    read: Reader,
    at_once: int = 1,
    tell: progress.ShowProgress = progress.silent,
    show_defects: bool = False,
) -> Iterator[Result]:
    """Yield the results in the order of the jobs, with `at_once` models in work.

    A defect of this tool is a failure of one model, or raised with `show_defects`. Closing the
    iterator ends the work on models that are not done; their results are not there then.
    """
    at_once = min(at_once, len(jobs))
    alone = tell if len(jobs) == 1 else progress.silent
    work = partial(do, request=request, read=read, tell=alone, show_defects=show_defects)
    results: Generator[Result, None, None] = (work(job) for job in jobs)
    if at_once > 1:
        from coreml_resize_fix.run import pool

        results = pool.run(work, jobs, at_once, _describe_killed)
    with closing(results):
        for number, result in enumerate(results, 1):
            if len(jobs) > 1:
                tell(number, len(jobs), "models", "model")
            yield result


def do(
    job: Job, request: Request, read: Reader, tell: progress.ShowProgress, show_defects: bool
) -> Result:
    """Do one job. An error is a value here, and so is a defect of this tool, unless it is shown."""
    try:
        if job.manifest is not None:
            request = request.with_manifest(read(job.manifest))
        return pipeline.process_job(job, request, tell)
    except ResizeFixError as error:
        return Failure.from_error(error, job.model)
    except Exception as error:
        if show_defects:
            raise
        return _describe_defect(job, error)


def _describe_killed(job: Job) -> Failure:
    return Failure(
        job.model,
        f"a worker process was ended by the system at `{job.model}`",
        "its result is there as a whole or not at all; if memory is short, end other programs, or "
        "pass `--jobs 1` or `--no-verify`",
    )


def _describe_defect(job: Job, error: Exception) -> Failure:
    if lacks_memory(error):
        return Failure(
            job.model,
            f"there is not enough memory for `{job.model}`",
            "nothing was written; end other programs, or pass `--no-verify`",
        )
    return Failure(
        job.model,
        f"a defect of this tool stopped it at `{job.model}`: {type(error).__name__}: {error}",
        "nothing was written; run again with `-v` and report what it prints",
    )
