"""From options to an exit code: resolve the jobs, work on them, write and print what was found."""

import os
from dataclasses import replace
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.cli import terminal
from coreml_resize_fix.errors import (
    NoManifestError,
    ResizeFixError,
    UsageError,
    translate_os_errors,
)
from coreml_resize_fix.intents import source
from coreml_resize_fix.report import files
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.template import template
from coreml_resize_fix.run import batch, jobs, model_paths, outputs, path_conflicts
from coreml_resize_fix.run.jobs import Job
from coreml_resize_fix.run.options import Request, read_options
from coreml_resize_fix.run.results import Failure, Result, Run

Renderer = Callable[[Run], str]


class Options(NamedTuple):
    """The command line as click reads it."""

    models: Tuple[str, ...]
    manifest: Optional[str]
    assume: Optional[str]
    dry_run: bool
    output: Optional[str]
    in_place: bool
    force: bool
    deployment_target: Optional[str]
    decompose: bool
    float32_replacements: bool
    partial: bool
    rewrite_downscales: bool
    verify: Optional[bool]
    style: str
    report_path: Optional[str]
    write_manifest: Optional[str]
    jobs: int
    quiet: bool
    verbose: bool
    reference: Optional[str] = None
    tolerance: Optional[float] = None
    runtime: Optional[str] = None
    allow_nothing: bool = False
    typed: Tuple[str, ...] = ()  # all arguments, as they were


def execute(options: Options) -> int:
    """Do what the options ask for; returns the exit code. Errors are sentences on stderr."""
    results: List[Result] = []
    render = None
    bar = terminal.Progress(options.quiet)
    try:
        with translate_os_errors("the files of this run"):
            request, todo, render = _prepare(options)
            _work(options, request, todo, bar, results)
    except ResizeFixError as error:
        results.append(_complain(options, Failure.from_error(error)))
    finally:
        bar.close()
    run = Run(
        tuple(results), options.dry_run, options.allow_nothing, options.verbose, options.typed
    )
    # A run that was refused has no `render`: the report of before may be what is in its way.
    if options.report_path is not None and render is not None:
        run = _write_report(options, options.report_path, render, run)
    _print(options, run)
    return run.exit_code


def _print(options: Options, run: Run) -> None:
    """Print what `--format` asks for; text says nothing of a run of one model that failed."""
    style = options.style
    if style == "text" and options.quiet:
        style = files.BRIEF
    elif style == "text" and not run.reports and len(run.models) < 2:
        return
    printed = files.printed(style, run, terminal.style())
    if printed:
        terminal.say(printed)


def _stdout_alone(options: Options) -> bool:
    """Whether stdout says everything; GitHub would look for commands in stderr, too."""
    return options.style == "github" or (options.quiet and options.style != "text")


def _notice(options: Options, text: str) -> None:
    if not options.quiet and not _stdout_alone(options):
        terminal.say(visible(text), err=True)


def _complain(options: Options, failure: Failure, several: bool = False) -> Failure:
    return failure if _stdout_alone(options) else terminal.complain(failure, several)


def _prepare(options: Options) -> Tuple[Request, List[Job], Optional[Renderer]]:
    """Work out what to do, every path, and what makes the report, before any model is read.

    Raises:
        ResizeFixError: options or paths exclude each other, or are not of their form.
    """
    if options.output is not None and options.in_place:
        raise UsageError("`--output` and `--in-place` exclude each other", "pass one of them")
    report = options.report_path
    named = path_conflicts.NamedPaths(
        options.manifest, options.output, report, options.write_manifest, options.reference
    )
    path_conflicts.check_names(named, options.force)
    request = _request(options)
    render = files.renderer(report) if report is not None else None
    models, earlier = model_paths.find(options.models)
    if earlier:
        _notice(options, f"passed over what earlier runs made: {', '.join(earlier)}")
    todo = jobs.resolve_all(models, options.output, options.manifest, options.reference)
    if options.allow_nothing:
        todo = _with_manifest(options, todo)
    writes = not options.dry_run and bool(options.manifest or request.has_intents)
    path_conflicts.refuse_conflicts(
        path_conflicts.list_paths(named, todo, writes and not options.in_place)
    )
    if writes:
        jobs.make_folders(todo)
    return request, todo, render


def _with_manifest(options: Options, todo: Sequence[Job]) -> List[Job]:
    """The jobs but those that a folder of manifests has none for, which are named."""
    for job in todo:
        if isinstance(job.refusal, NoManifestError):
            _notice(options, f"passed over `{job.model}`: {job.refusal.message}")
    return [job for job in todo if not isinstance(job.refusal, NoManifestError)]


def _request(options: Options) -> Request:
    report = options.report_path or ""
    shows_values = files.shows_values(options.style, report)
    return read_options(
        options.assume,
        options.deployment_target,
        options.reference,
        options.tolerance,
        options.runtime,
        dry_run=options.dry_run,
        in_place=options.in_place,
        force=options.force,
        partial=options.partial,
        decompose=options.decompose,
        float32_replacements=options.float32_replacements,
        rewrite_downscales=options.rewrite_downscales,
        verify=True if options.verify is None and shows_values else options.verify,
        fingerprint=files.shows_hashes(options.style, report),
        pictures=files.needs_pictures(report),
        verbose=options.verbose,
    )


def _work(
    options: Options,
    request: Request,
    todo: Sequence[Job],
    bar: terminal.Progress,
    results: List[Result],
) -> None:
    """Add the result of every job to `results`, and write the manifest that was asked for.

    Raises:
        ResizeFixError: a manifest for all models cannot be read, or the new one not be written.
    """
    read = source.ManifestReader()
    shared = None if jobs.is_folder_of_manifests(options.manifest) else options.manifest
    if shared is not None:
        read(shared)
    at_once = options.jobs or os.cpu_count() or 1
    for result in batch.run(todo, request, read, at_once, bar, options.verbose):
        results.append(result)
        if isinstance(result, Failure):
            bar.close()
            _complain(options, result, several=len(todo) > 1)
    if options.write_manifest is None:
        return
    outputs.refuse_existing(options.write_manifest, options.force)  # it may be there by now
    if shared is None and len(results) == 1 and not isinstance(results[0], Failure):
        shared = todo[0].manifest
    reports = Run(tuple(results)).reports
    if shared is not None:
        read(shared).save(options.write_manifest)
        _notice(options, f"wrote the manifest `{options.write_manifest}`")
    elif len(reports) > 1:
        raise UsageError(
            f"a template describes one model, and there are {len(reports)}", "run once for each"
        )
    elif reports:
        source.write(
            options.write_manifest, template(reports[0].findings, reports[0].by_tensorflow)
        )
        _notice(
            options,
            f"wrote a template `{options.write_manifest}`: answer what it asks, correct or delete "
            "each size that a converter cut, and pass it with `--manifest`",
        )


def _write_report(options: Options, path: str, render: Renderer, run: Run) -> Run:
    """Write the report; returns the run, with one failure more if that went wrong."""
    try:
        with translate_os_errors(f"`{path}`"):
            files.write(path, render(run))
    except ResizeFixError as error:
        wrong = _complain(options, Failure.from_error(error))
        return replace(run, results=(*run.results, wrong))
    return run
