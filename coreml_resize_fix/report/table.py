"""Layers, or models, as a table of 80 columns."""

import os
from itertools import takewhile
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.report import models
from coreml_resize_fix.report.plain import columns, cut, padded, visible
from coreml_resize_fix.run.results import Failure, Result
from coreml_resize_fix.words import size_text

Style = Callable[[str, str], str]  # (text, color) → text

WIDTH = 80
_HEADS = ("verdict", "layer", "size", "shift", "asked for")
_NAME, _SIZE, _ASKED = 1, 2, 4
_LONGEST_NAME, _SHORT_NAME, _LEAST = 28, 12, 8  # columns

COLORS: Dict[str, str] = {
    findings.MATCH: "green",
    findings.FIXED: "green",
    findings.FIXABLE: "yellow",
    findings.NEEDS_OPTION: "yellow",
    findings.UNMATCHABLE: "red",
    findings.NO_INTENT: "magenta",
    findings.AMBIGUOUS: "magenta",
}
_ENDED = {0: "green", 1: "yellow", 2: "red", 3: "magenta"}  # exit code of a model → color
_LONGEST_PATH = 36  # columns


class _Row(NamedTuple):
    """The cells of a layer; `meant` is the size that it should make, if it makes another one."""

    verdict: str
    name: str
    size: str
    shift: str
    asked: str
    meant: str

    def in_lines(self, apart: bool) -> List[Tuple[str, ...]]:
        """The cells of each line; the size that is meant gets a line of its own if `apart`."""
        made = f"{self.size}, {self.meant}" if self.meant and not apart else self.size
        first = (self.verdict, self.name, made, self.shift, self.asked)
        return [first, ("", "", self.meant, "", "")] if self.meant and apart else [first]


def table(found: Sequence[Finding], style: Style) -> List[str]:
    """A line for each layer, its head first; what was asked for is the last to be cut."""
    rows = [_row(finding) for finding in found]
    apart = False
    widths = _widths(rows, apart)
    if sum(_fitted(widths, (_NAME,), _SHORT_NAME)) > _room():
        apart = True
        widths = _widths(rows, apart)
    widths = _fitted(widths, (_NAME, _SIZE, _ASKED))
    lines = ["  " + "  ".join(head.ljust(w) for head, w in zip(_HEADS, widths)).rstrip()]
    for finding, row in zip(found, rows):
        for cells in row.in_lines(apart):
            lines.append(_line(cells, widths, style, COLORS[finding.verdict]))
    return lines


def table_of_models(results: Sequence[Result], style: Style) -> List[str]:
    """A line for each model, its head first; the folder that all are in is said once."""
    paths = [str(result.path) for result in results]
    folder = _folder_of_all(paths)
    head = f"model (in {visible(folder)})" if folder else "model"
    names = [visible(path[len(folder) :]) for path in paths]
    room = min(_LONGEST_PATH, max(map(columns, [*names, head])))
    lines = [f"{padded(cut(head, room, keep_end=True), room)}  shift  outcome"]
    for name, result in zip(names, results):
        if isinstance(result, Failure):
            shift, outcome = None, f"failed: {visible(models.reason(result))}"
        else:
            shift, outcome = models.largest_shift(result), models.outcome(result)
        shown = "    -" if shift is None else f"{shift:.3f}"
        told = style(cut(outcome, WIDTH - room - 9), _ENDED[result.exit_code])
        lines.append(f"{padded(cut(name, room, keep_end=True), room)}  {shown}  {told}")
    return lines


def _folder_of_all(paths: Sequence[str]) -> str:
    """The folder that all paths begin with, its separator included; empty if there is none."""
    folders = [path[: path.rfind(os.sep) + 1] for path in paths]
    pairs = zip(min(folders), max(folders))  # what these two begin with, all between them do
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return shared[: shared.rfind(os.sep) + 1]


def _line(cells: Sequence[str], widths: Sequence[int], style: Style, color: str) -> str:
    shown = [
        padded(cut(cell, width, keep_end=place == _NAME), width)
        for place, (cell, width) in enumerate(zip(cells, widths))
    ]
    if cells[0]:
        shown[0] = style(shown[0], color)
    return "  " + "  ".join(shown).rstrip()


def _widths(rows: Sequence[_Row], apart: bool) -> List[int]:
    lines = [_HEADS, *(cells for row in rows for cells in row.in_lines(apart))]
    widths = [max(columns(cells[place]) for cells in lines) for place in range(len(_HEADS))]
    widths[_NAME] = min(widths[_NAME], _LONGEST_NAME)
    return widths


def _room() -> int:
    return WIDTH - 2 * len(_HEADS)


def _fitted(widths: Sequence[int], giving: Sequence[int], least: int = _LEAST) -> List[int]:
    """Column widths that fit a line, as far as the columns `giving` way, in that order, allow."""
    fitted = list(widths)
    for column in giving:
        excess = sum(fitted) - _room()
        if excess > 0:
            fitted[column] = max(min(fitted[column], least), fitted[column] - excess)
    return fitted


def sizes(finding: Finding) -> str:
    """What a layer makes of what it gets, and what it should make if that is another size."""
    made, meant = _sizes(finding)
    return f"{made}, {meant}" if meant else made


def _sizes(finding: Finding) -> Tuple[str, str]:
    layer = finding.layer
    if layer.input.is_flexible and layer.output_size is None:
        return "varies", ""
    other = finding.intended_size and finding.intended_size != layer.output_size
    meant = f"not {size_text(finding.intended_size)}" if other else ""
    return f"{size_text(layer.input.size)} → {size_text(layer.output_size)}", meant


def _shift(finding: Finding) -> str:
    """The largest distance in source pixels; a dash where the sizes differ or are not known."""
    return "-" if finding.max_shift_px is None else f"{finding.max_shift_px:.3f}"


def _row(finding: Finding) -> _Row:
    layer = finding.layer
    made, meant = _sizes(finding)
    name = visible(layer.name or layer.address)
    asked = "-" if finding.intent is None else finding.intent.call
    return _Row(finding.verdict, name, made, _shift(finding), asked, meant)
