"""The command line: options → requests, reports → stdout, errors → one sentence on stderr."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, List, Optional, Tuple

import click

from coreml_resize_fix import __version__
from coreml_resize_fix.errors import ManifestError, OutputError, ResizeFixError, UsageError

EXIT_CODES = """\b
Exit codes:
  0  every resize layer matches its intent (after the fix, if not a dry run)
  1  at least one does not, or an intent has no layer
  2  bad usage, bad input, or an input/output error
  3  nothing to check: no resize layer, or no intent (an inventory is printed)
"""
if TYPE_CHECKING:
    from coreml_resize_fix.api import ModelReport
    from coreml_resize_fix.intents.source import Manifest
    from coreml_resize_fix.report.text import Style

# Worst first: nothing compared is worse than all right, and an error hides what was found.
_WORST_FIRST = (2, 1, 3, 0)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
    short_help="make the resize layers of a Core ML model compute what PyTorch computed",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-m",
    "--manifest",
    type=click.Path(),
    help="The intent: a manifest (.json), or an ONNX file (.onnx) whose Resize nodes carry it.",
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
    type=click.Path(),
    help="Where to write: a file, or a folder for several models. "
    "Default: beside the input, `<stem>-fixed<suffix>`.",
)
@click.option("--in-place", is_flag=True, help="Replace the input, atomically.")
@click.option("--force", is_flag=True, help="Overwrite an existing output.")
@click.option(
    "--deployment-target",
    metavar="iOSNN",
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
    "--verify/--no-verify", default=True, help="Numerical proof before writing (on by default)."
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What goes to stdout; everything else goes to stderr.",
)
@click.option(
    "--write-manifest",
    type=click.Path(),
    help="Write the intents found, or without any a template of the model's layers to fill in.",
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
    verify: bool,
    style: str,
    write_manifest: Optional[str],
    quiet: bool,
    verbose: bool,
) -> None:
    """Make the resize layers of a Core ML model compute what PyTorch computed.

    Each MODEL is a .mlmodel file or a .mlpackage folder. Every Upsample and ResizeBilinear layer
    is compared with its intent, and rewritten where it differs and an exact layer exists. Without
    an intent, what each layer computes is listed.
    """
    # Imported here, so that `--help` and `--version` load nothing heavy.
    from coreml_resize_fix import api
    from coreml_resize_fix.coreml.versions import for_target
    from coreml_resize_fix.intents import assume as assumption
    from coreml_resize_fix.intents.source import Manifest
    from coreml_resize_fix.report import document, text

    reports: List[api.ModelReport] = []
    codes: List[int] = []
    try:
        if output is not None and in_place:
            raise UsageError("`--output` and `--in-place` exclude each other", "pass one of them")
        target = for_target(deployment_target) if deployment_target is not None else None
        if deployment_target is not None and target is None:
            raise UsageError(
                "`{}` is not a deployment target".format(deployment_target),
                "write it like `iOS12`; iOS 11 is the lowest with Core ML",
            )
        intents = Manifest.load(manifest) if manifest is not None else None
        request = api.Request(
            manifest=intents,
            assume=assumption.parse(assume) if assume is not None else None,
            dry_run=dry_run,
            in_place=in_place,
            force=force,
            partial=partial,
            decompose=decompose,
            verify=verify,
            target=target,
            fingerprint=style == "json",
            tensors=intents.tensors if intents is not None else {},
            notices=tuple(intents.notices) if intents is not None else (),
        )
        outputs = _outputs(models, output, writes=request.asks and not dry_run)
    except ResizeFixError as error:
        _complain(error)
        codes.append(error.exit_code)
    else:
        for model, place in zip(models, outputs):
            try:
                reports.append(api.process(model, replace(request, output=place)))
                codes.append(reports[-1].exit_code)
            except ResizeFixError as error:
                _complain(error)
                codes.append(error.exit_code)
            except Exception as error:
                if verbose:
                    raise
                _complain(_internal(model, error))
                codes.append(2)
        if write_manifest is not None:
            codes.append(_write_manifest(write_manifest, intents, reports, force))
    exit_code = next(code for code in _WORST_FIRST if code in codes)
    if style == "json" and not quiet:
        _say(document.render(reports, exit_code))
    elif reports and not quiet:
        _say(text.render(reports, dry_run, _style()))
    sys.exit(exit_code)


def _outputs(models: Tuple[str, ...], output: Optional[str], writes: bool) -> List[Optional[str]]:
    """Where each model's result goes; None is the default place. A folder is made if needed."""
    if output is None:
        return [None] * len(models)
    is_folder = os.path.isdir(output) and not os.path.exists(os.path.join(output, "Manifest.json"))
    if len(models) == 1 and not is_folder:
        return [output]
    names = [os.path.basename(model.rstrip("/")) for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OutputError(
            "two models are called `{}`, and both would go to `{}`".format(twice[0], output),
            "run once for each",
        )
    try:
        if writes:
            os.makedirs(output, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "cannot make the folder `{}`: {}".format(output, (error.strerror or "").lower()),
            "with several models `-o` is a folder: choose another",
        ) from error
    return [os.path.join(output, name) for name in names]


def _write_manifest(
    path: str, intents: "Optional[Manifest]", reports: "List[ModelReport]", force: bool
) -> int:
    """Write the intents that were found, or a template of the first model; returns an exit code."""
    from coreml_resize_fix.intents.source import Manifest, write
    from coreml_resize_fix.report.template import template

    try:
        if os.path.lexists(path) and not force:
            raise OutputError("`{}` exists".format(path), "pass `--force` to overwrite it")
        if intents is not None:
            Manifest(intents).save(path)
        elif len(reports) == 1:
            write(path, template(reports[0].findings))
        elif reports:
            raise UsageError(
                "a template describes one model, and there are {}".format(len(reports)),
                "run once for each",
            )
    except ResizeFixError as error:
        _complain(error)
        return error.exit_code
    return 0


def _complain(error: ResizeFixError) -> None:
    _say(_style()("error", "red") + ": {}".format(error), err=True)
    if isinstance(error, ManifestError):
        for defect in error.defects:
            _say("  " + defect, err=True)
    if error.hint:
        _say("help: " + error.hint, err=True)


def _say(content: str, err: bool = False) -> None:
    """Print; what the stream's encoding does not have is escaped (×, →, odd names of layers)."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(content.encode(encoding, "backslashreplace").decode(encoding), err=err)


def _internal(model: str, error: Exception) -> ResizeFixError:
    return ResizeFixError(
        "a defect of this tool stopped it at `{}`: {}: {}".format(
            model, type(error).__name__, error
        ),
        "nothing was written; run again with `-v` and report what it prints",
    )


def _style() -> "Style":
    def style(content: str, color: str) -> str:
        return click.style(content, fg=color)

    from coreml_resize_fix.report.text import plain

    return plain if os.environ.get("NO_COLOR") else style


def main() -> None:
    """Entry point; click ends a closed pipe and Ctrl-C quietly, with exit code 1."""
    command(prog_name="coreml-resize-fix")
