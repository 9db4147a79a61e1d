"""`python -m coreml_resize_fix.conformance`: run the cases, and write what came out as JSON."""

import fnmatch
import json
import sys
import time
from collections import Counter
from typing import Any, Dict, List, Sequence, Tuple

import click

from coreml_resize_fix.cli.terminal import Progress, complain, say
from coreml_resize_fix.conformance import records, runtimes
from coreml_resize_fix.errors import DOCS, ResizeFixError, UsageError
from coreml_resize_fix.files import atomic
from coreml_resize_fix.report.lists import shortened
from coreml_resize_fix.run import signals
from coreml_resize_fix.run.results import Failure

_OFTEN = 10.0  # seconds between two times that what there is is written


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--list", "lists", is_flag=True, help="Print the names of the cases, and run none.")
@click.option("--only", metavar="PATTERN", help="Cases with such names, as in `*/grid/*down*`.")
@click.option(
    "--runtime",
    default=runtimes.COREML,
    metavar="NAME",
    help="coreml (the default), numpy (the executor), or a function MODULE:NAME.",
)
@click.option(
    "--unit",
    "units",
    multiple=True,
    type=click.Choice(runtimes.UNITS),
    help="A compute unit; several times for several. Default: all.",
)
@click.option("-o", "--output", default="conformance.json", help="Where the JSON goes.")
def main(lists: bool, only: str, runtime: str, units: Tuple[str, ...], output: str) -> None:
    """Compare what Core ML computes on this Mac with what coreml-resize-fix takes it for.

    Exit codes: 0 all is as expected, 1 something is not, 2 it cannot run here.
    """
    names = [name for name in records.cases() if not only or fnmatch.fnmatchcase(name, only)]
    if not names:
        raise UsageError(f"no case has a name like `{only}`", "`--list` prints them all")
    if lists:
        for name in names:
            say(name)
        return
    try:
        runtimes.named(runtime)
    except UsageError as error:
        if runtime != runtimes.COREML:
            raise
        hint = "run it on a Mac, or with `--runtime numpy`, which asks the executor instead"
        raise UsageError(error.message, hint) from error
    chosen = units or (runtimes.UNITS if runtime == runtimes.COREML else (runtime,))
    found = _run(runtime, names, chosen, output)
    _summarize(found, output)
    sys.exit(int(any(one["verdict"] != "as-expected" for one in found)))


def _run(
    runtime: str, names: Sequence[str], units: Sequence[str], output: str
) -> List[Dict[str, Any]]:
    """Run all; what there is is written every few seconds, and however it ends."""
    found: List[Dict[str, Any]] = []
    _write(runtime, found, output)  # or fail before the work rather than behind it
    tell, written = Progress(), time.monotonic()
    try:
        for one in records.records(runtime, names, units):
            found.append(one)
            tell(len(found), len(names) * len(units), one["compute_unit"], "case")
            if time.monotonic() - written > _OFTEN:
                _write(runtime, found, output)
                written = time.monotonic()
    finally:
        tell.close()
        _write(runtime, found, output)
    return found


def _write(runtime: str, found: Sequence[Dict[str, Any]], output: str) -> None:
    data = json.dumps(records.document(runtime, found), allow_nan=False, ensure_ascii=False)
    with atomic.file(output, replace=True) as file:
        file.write(data.encode())


def _summarize(found: Sequence[Dict[str, Any]], output: str) -> None:
    counts = Counter((one["compute_unit"], one["verdict"]) for one in found)
    for (unit, verdict), count in sorted(counts.items()):
        say(f"{unit}: {count} {verdict}")
    for line in shortened([_line(one) for one in found if one["verdict"] != "as-expected"]):
        say(line)
    say(f"wrote {output}; where to send it: {DOCS}conformance.md")


def _line(one: Dict[str, Any]) -> str:
    """A case that is not as expected."""
    error = one["largest_error"]
    why = one["message"] or f"{one['reading'] or 'no known reading'}, error {error}"
    return f"{one['compute_unit']} {one['name']}: {one['verdict']}: {why}"


if __name__ == "__main__":
    try:
        with signals.as_exceptions():
            main()
    except ResizeFixError as error:
        complain(Failure.from_error(error))
        sys.exit(error.exit_code)
