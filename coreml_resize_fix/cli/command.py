"""The command line: options → requests, results → stdout, errors → one sentence on stderr."""

import os
import sys
from typing import TYPE_CHECKING, Callable, List, Optional, Tuple

import click

from coreml_resize_fix import __version__
from coreml_resize_fix.cli.completion import Words, codes, targets
from coreml_resize_fix.errors import ResizeFixError, UsageError, of_system


def _explain(code: str) -> None:
    from coreml_resize_fix.cli import explain, terminal
    from coreml_resize_fix.run import batch

    try:
        terminal.say(explain.render(code))
    except UsageError as error:
        terminal.complain(batch.failure(error))
        sys.exit(error.exit_code)
    sys.exit(0)


EXIT_CODES = """\b
Exit codes:
  0  every resize layer matches its intent (after the fix, if not a dry run)
  1  at least one does not, or an intent has no layer
  2  bad usage, bad input, or an input/output error
  3  nothing to check: no resize layer, or no intent (an inventory is printed)
"""
# Whether a path can be read is told by whoever reads it, and in the same way as everything else.
PATH = click.Path(readable=False)

if TYPE_CHECKING:
    from coreml_resize_fix.intents.source import Manifest
    from coreml_resize_fix.run.batch import Result
    from coreml_resize_fix.run.jobs import Task
    from coreml_resize_fix.run.path_conflicts import Named
    from coreml_resize_fix.run.request import Run


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
    short_help="make the resize layers of a Core ML model compute what PyTorch computed",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=PATH)
@click.option(
    "-m",
    "--manifest",
    type=PATH,
    help="The intent: a manifest (.json), an ONNX file (.onnx) whose Resize nodes carry it, or a "
    "folder with one of them for each model, by its stem.",
)
@click.option(
    "--assume",
    metavar="TEXT",
    help="One intent for every resize layer without one, e.g. `bilinear,align_corners=true`.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Audit only: same report, nothing written.")
@click.option(
    "-o",
    "--output",
    type=PATH,
    help="Where to write: a file, or a folder for several models or if it ends in `/`. "
    "Default: beside the input, `<stem>-fixed<suffix>`.",
)
@click.option("--in-place", is_flag=True, help="Replace the input, atomically.")
@click.option("--force", is_flag=True, help="Overwrite an existing output.")
@click.option(
    "--deployment-target",
    metavar="iOSNN",
    type=Words(targets),
    help="The lowest iOS that the result must still run on. Default: the model's own, raised no "
    "further than iOS 12, which ResizeBilinear needs.",
)
@click.option(
    "--decompose",
    is_flag=True,
    help="Also allow exact replacements built from several layers (they cost more at run time).",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Write the fixes even though some layers stay unmatched. Default: all or nothing.",
)
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Numerical proof before writing (on by default). A dry run compares sampling grids, and "
    "values too with `--verify`, recorded tensors, or another format than text.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="What goes to stdout; everything else goes to stderr.",
)
@click.option(
    "--report",
    "report_path",
    type=PATH,
    help="Also write a report: a page with pictures (.html), Markdown (.md) or JSON (.json).",
)
@click.option(
    "--write-manifest",
    type=PATH,
    help="Write the intents found, or without any a template of the model's layers to fill in, "
    "to a .json file.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="How many models to work on at once; 0: one for each processor.",
)
@click.option(
    "--explain",
    metavar="CODE",
    type=Words(codes),
    is_eager=True,
    expose_value=False,
    callback=lambda context, option, code: _explain(code) if code else None,
    help="The long text of one finding code, such as RSZ101; `list` lists all.",
)
@click.option("-q", "--quiet", is_flag=True, help="No report, errors only.")
@click.option("-v", "--verbose", is_flag=True, help="With an internal error, show where it arose.")
@click.version_option(__version__, "--version", prog_name="coreml-resize-fix")
def command(
    models: Tuple[str, ...],
    manifest: Optional[str],
    assume: Optional[str],
    dry_run: bool,
    output: Optional[str],
    in_place: bool,
    force: bool,
    deployment_target: Optional[str],
    decompose: bool,
    partial: bool,
    verify: Optional[bool],
    style: str,
    report_path: Optional[str],
    write_manifest: Optional[str],
    jobs: int,
    quiet: bool,
    verbose: bool,
) -> None:
    """Make the resize layers of a Core ML model compute what PyTorch computed.

    Each MODEL is a .mlmodel file, a .mlpackage folder, or a folder that holds such. Every Upsample
    and ResizeBilinear layer is compared with its intent, and rewritten where it differs and an
    exact layer exists. Without an intent, what each layer computes is listed.
    """
    # Imported here, so that `--help` and `--version` load nothing heavy.
    from coreml_resize_fix.cli import terminal
    from coreml_resize_fix.intents import assume as assumption
    from coreml_resize_fix.intents.source import ManifestReader
    from coreml_resize_fix.report import files
    from coreml_resize_fix.run import batch, path_conflicts
    from coreml_resize_fix.run.request import Failure, Request, Run

    results: List[Result] = []
    read = ManifestReader()
    shared = render = None
    bar = terminal.Progress(quiet)
    try:
        with of_system("the files of this run"):
            if output is not None and in_place:
                raise UsageError(
                    "`--output` and `--in-place` exclude each other", "pass one of them"
                )
            named = path_conflicts.Named(manifest, output, report_path, write_manifest)
            path_conflicts.check(named, force)
            request = Request(
                assume=assumption.parse(assume) if assume is not None else None,
                target=_target(deployment_target),
                dry_run=dry_run,
                in_place=in_place,
                force=force,
                partial=partial,
                decompose=decompose,
                verify=True if verify is None and (report_path or style != "text") else verify,
                fingerprint=style == "json" or (report_path or "").endswith(".json"),
                pictures=report_path is not None and files.needs_pictures(report_path),
            )
            renderer = files.renderer(report_path) if report_path is not None else None
            writes = not dry_run and bool(manifest or request.asks)
            todo = _tasks(models, named, writes, in_place)
            render = renderer  # only now: a refused run may be one whose report is in the way
            if manifest is not None and not os.path.isdir(manifest):
                shared = read(manifest)
            for result in batch.run(
                todo, manifest, request, read, jobs or os.cpu_count() or 1, bar, verbose
            ):
                results.append(result)
                if isinstance(result, Failure):
                    bar.close()
                    terminal.complain(result)
            if write_manifest is not None:
                if shared is None and len(todo) == 1 and not isinstance(results[0], Failure):
                    shared = batch.intents_of(todo[0], manifest, read)
                _write_manifest(write_manifest, shared, Run(tuple(results)), force)
    except ResizeFixError as error:
        wrong = batch.failure(error)
        results.append(wrong)
        terminal.complain(wrong)
    finally:
        bar.close()
    run = Run(tuple(results), dry_run)
    if report_path is not None and render is not None:
        run = _write_report(report_path, render, run)
    if not quiet and (style != "text" or run.reports or len(run.models) > 1):
        terminal.say(files.printed(style, run, terminal.style()))
    sys.exit(run.exit_code)


def _target(text: Optional[str]) -> Optional[int]:
    """The highest specification version that `--deployment-target` allows.

    Raises:
        UsageError: it is not of its form.
    """
    from coreml_resize_fix.formats.spec_versions import for_target

    version = for_target(text) if text is not None else None
    if text is not None and version is None:
        raise UsageError(
            "`{}` is not a deployment target".format(text),
            "write it like `iOS12`; iOS 11 is the lowest with Core ML",
        )
    return version


def _tasks(models: Tuple[str, ...], named: "Named", writes: bool, in_place: bool) -> "List[Task]":
    """The models that were named, and where their results go.

    Raises:
        ResizeFixError: the results cannot go there.
    """
    from coreml_resize_fix.cli import terminal
    from coreml_resize_fix.report.plain import visible
    from coreml_resize_fix.run import jobs as tasks
    from coreml_resize_fix.run import path_conflicts

    found, passed = tasks.find(models)
    if passed:
        names = ", ".join(map(visible, passed))
        terminal.say("passed over what earlier runs made: " + names, err=True)
    if named.output is not None:
        found = tasks.into(found, named.output)
    path_conflicts.refuse_conflicts(path_conflicts.of_run(named, found, writes and not in_place))
    if writes:
        tasks.make_folders(found)
    return found


def _write_report(path: str, render: "Callable[[Run], str]", run: "Run") -> "Run":
    """Write the report; returns the run, with one failure more if that went wrong."""
    from coreml_resize_fix.cli import terminal
    from coreml_resize_fix.report import files
    from coreml_resize_fix.run import batch
    from coreml_resize_fix.run.request import Run

    try:
        with of_system("`{}`".format(path)):
            files.write(path, render(run))
    except ResizeFixError as error:
        wrong = batch.failure(error)
        terminal.complain(wrong)
        return Run(run.results + (wrong,), run.dry_run)
    return run


def _write_manifest(path: str, intents: "Optional[Manifest]", run: "Run", force: bool) -> None:
    """Write the intents that were found, or a template of the only model.

    Raises:
        ResizeFixError: there are several models, or the file cannot be written.
    """
    from coreml_resize_fix.intents.source import write
    from coreml_resize_fix.report.template import template
    from coreml_resize_fix.run import path_conflicts

    path_conflicts.refuse_existing(path, force)  # it may have appeared meanwhile
    if intents is not None:
        intents.save(path)
    elif len(run.reports) == 1:
        write(path, template(run.reports[0].findings))
    elif run.reports:
        raise UsageError(
            "a template describes one model, and there are {}".format(len(run.reports)),
            "run once for each",
        )


def main() -> None:
    """Run the command; click ends a closed pipe quietly, with exit code 1."""
    command(prog_name="coreml-resize-fix")
