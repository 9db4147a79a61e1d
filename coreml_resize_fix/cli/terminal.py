"""The two streams of a terminal: what is printed, its color, and how far a run is."""

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from coreml_resize_fix.cli import streams
from coreml_resize_fix.run.results import Failure

if TYPE_CHECKING:
    from coreml_resize_fix.report.table import Style


def say(content: str, err: bool = False) -> None:
    """Print; what the stream's encoding does not have is escaped (×, →, odd names of layers).

    Where stderr is closed it is left out: the exit code and the report say it, too.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        click.echo(content.encode(encoding, "backslashreplace").decode(encoding), err=err)
    except OSError:
        if not err:
            raise
        streams.give_up(stream)


def complain(failure: Failure, several: bool = False) -> Failure:
    """Print one sentence on stderr, its details, and what to do next; returns the failure.

    `several`: there are other models, and the sentence is to say of which it is.
    """
    from coreml_resize_fix.report.lists import shortened
    from coreml_resize_fix.report.plain import visible

    message, of = failure.message, f"`{failure.path}`"
    if several and of not in message:
        message = f"{of}: {message}"
    say(f"{style()('error', 'red')}: {visible(message)}", err=True)
    for detail in shortened(failure.details):
        say(f"  {visible(detail)}", err=True)
    if failure.hint:
        say(f"help: {visible(failure.hint)}", err=True)
    return failure


def style() -> "Style":
    """Colors, unless NO_COLOR is set; click drops them where the stream is no terminal."""
    from coreml_resize_fix.report.text import plain

    def paint(content: str, color: str) -> str:
        return click.style(content, fg=color)

    return plain if os.environ.get("NO_COLOR") else paint


class Progress:
    """A bar on stderr, on a terminal outside of CI, for what takes longer than `delay` seconds.

    Called as `progress.ShowProgress`; another `what` or `total` begins a new bar.
    """

    def __init__(self, quiet: bool = False, delay: float = 1.0) -> None:
        self._delay = delay
        self._silent = quiet or bool(os.environ.get("CI")) or not sys.stderr.isatty()
        self._bar: Any = None
        self._doing: Any = None

    def __call__(self, done: int, total: int, what: str, unit: str) -> None:
        if self._silent:
            return
        if self._doing != (total, what):
            self._begin(total, what, unit)
        self._bar.update(done - self._bar.n)

    def _begin(self, total: int, what: str, unit: str) -> None:
        from tqdm import tqdm

        self.close()
        self._doing = (total, what)
        self._bar = tqdm(
            total=total,
            desc=what,
            unit=unit,
            unit_scale=unit == "B",
            delay=self._delay,
            leave=False,
            dynamic_ncols=True,
            file=sys.stderr,
        )

    def close(self) -> None:
        """Remove the bar, so that something else can be printed."""
        if self._bar is not None:
            self._bar.close()
        self._bar = self._doing = None
