"""The options of the command line, and their help."""

import sys
from typing import Any, Optional

import click

from coreml_resize_fix import __version__
from coreml_resize_fix.cli.completion import Words, codes, targets
from coreml_resize_fix.cli.config import TYPED, ConfiguredCommand


def _explain(context: click.Context, option: click.Parameter, code: Optional[str]) -> None:
    """Print the long text of a finding code, and end."""
    if code is None:
        return
    from coreml_resize_fix.cli import explain, terminal
    from coreml_resize_fix.errors import UsageError
    from coreml_resize_fix.run.results import Failure

    try:
        terminal.say(explain.render(code))
    except UsageError as error:
        sys.exit(terminal.complain(Failure.from_error(error)).exit_code)
    sys.exit(0)


EXIT_CODES = """\b
Exit codes:
  0  every resize layer matches its intent (after the fix, if not a dry run),
     and every output its reference if one was given
  1  at least one does not, or an intent has no layer
  2  bad usage, bad input, or an input/output error
  3  nothing to check: no resize layer, or no intent (an inventory is printed)
"""
# Whether a path can be read is said by whoever reads it, in the same way as everything else.
PATH = click.Path(readable=False)


@click.command(
    cls=ConfiguredCommand,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
    short_help="make the resizes of a Core ML model compute what PyTorch or TensorFlow computed",
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=PATH)
@click.option(
    "-m",
    "--manifest",
    type=PATH,
    help="The intents: a manifest (.json), a network with resizes (.onnx, .tflite, .keras, .h5, or "
    "a frozen graph of TensorFlow, .pb), a folder with one for each model, named by the model's "
    "stem, or `-` for a manifest on standard input.",
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
    "A model that is right is copied there. Default: beside the input, `<stem>-fixed<suffix>`, "
    "where something is fixed.",
)
@click.option("--in-place", is_flag=True, help="Replace the input, atomically.")
@click.option("--force", is_flag=True, help="Overwrite an existing output.")
@click.option(
    "--deployment-target",
    metavar="iOSNN",
    type=Words(targets),
    help="The lowest iOS that the result must run on. Default: the model's own; for a neural "
    "network below iOS 12 it is iOS 12, if a fix needs ResizeBilinear.",
)
@click.option(
    "--decompose",
    is_flag=True,
    help="Also allow exact replacements built from several layers (they cost more at run time).",
)
@click.option(
    "--float32-replacements",
    is_flag=True,
    help="In an ML Program of float16, let these replacements compute in float32, between two "
    "casts.",
)
@click.option(
    "--rewrite-downscales",
    is_flag=True,
    help="Also rewrite correct downscales by `upsample_bilinear`, of a fixed size, to "
    "`resize_bilinear`: versions of the system were seen to differ in the former.",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Write the fixes even if some layers cannot be fixed. Default: all or nothing.",
)
@click.option(
    "--verify/--no-verify",
    default=None,
    help="Prove the result in numbers before writing it (on by default). A dry run compares "
    "sampling grids; it also compares values with `--verify`, recorded tensors, or a format "
    "other than text.",
)
@click.option(
    "--reference",
    type=PATH,
    help="What the whole network should compute: recorded tensors (.npz), an ONNX file (.onnx) "
    "that ONNX Runtime runs, or a folder of them. The network is run before and after the fix, and "
    "every output is compared.",
)
@click.option(
    "--tolerance",
    type=float,
    metavar="FLOAT",
    help="With `--reference`: the largest error, as a share of the reference's largest magnitude. "
    "Default: 1e-3, or 2e-2 for networks of float16.",
)
@click.option(
    "--runtime",
    type=click.Choice(["numpy", "coreml"]),
    help="With `--reference`: what runs the network, NumPy (the default) or Core ML (macOS).",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown", "github", "sarif"]),
    default="text",
    show_default=True,
    help="What goes to stdout; everything else goes to stderr.",
)
@click.option(
    "--report",
    "report_path",
    type=PATH,
    help="Also write a report: a page with pictures (.html), Markdown (.md), JSON (.json) or SARIF "
    "for code scanning (.sarif).",
)
@click.option(
    "--write-manifest",
    type=PATH,
    help="Write the intents that were found to a .json file, or, without any, a template of the "
    "model's layers to fill in.",
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
    callback=_explain,
    help="The long text of one finding code, such as RSZ101; RSZ1 lists a group, `list` all.",
)
@click.option(
    "--allow-nothing",
    is_flag=True,
    help="Nothing to check is exit code 0, and a model for which a folder of manifests has none is "
    "passed over.",
)
@click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="One line for each resize that is not right, and errors; with another format than text "
    "nothing on stderr.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Tell of every layer that differs, what comes closest to each that is not fixed, and what "
    "each wrong resize does to each output (by a run on a test image, or the reference's inputs); "
    "after an internal error, show where it happened.",
)
@click.version_option(__version__, "--version", prog_name="coreml-resize-fix")
def command(**options: Any) -> None:
    """Make the resize layers of a Core ML model compute what PyTorch or TensorFlow computed.

    Each MODEL is a .mlmodel file, a .mlpackage folder, or a folder that holds them. Every resize
    layer of a neural network, and every resize operation of an ML Program, is compared with its
    intent, and rewritten if it differs and an exact one exists. Without an intent, the command
    lists what each layer computes.

    `[tool.coreml-resize-fix]` in pyproject.toml may give defaults of the long options, and of
    `models`.
    """
    # Imported here, so that `--help` and `--version` load nothing heavy.
    from coreml_resize_fix.cli import execute

    typed = click.get_current_context().meta[TYPED]
    sys.exit(execute.execute(execute.Options(**options, typed=typed)))


def main() -> None:
    """Run the command; click ends a closed pipe quietly, with exit code 1."""
    command(prog_name="coreml-resize-fix")
