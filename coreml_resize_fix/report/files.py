"""A report in the form that `--format`, or the suffix of `--report PATH`, names."""

import os
from importlib import import_module
from typing import Callable, Dict, Tuple

from coreml_resize_fix.errors import OutputError, UsageError
from coreml_resize_fix.run.results import Run

# suffix → the module whose `render` makes it, imported only when asked for, and what a report of
# that form begins with
_FORMS: Dict[str, Tuple[str, bytes]] = {
    ".html": ("html", b'<meta name="generator" content="coreml-resize-fix'),
    ".md": ("markdown", b"<!-- coreml-resize-fix -->"),
    ".json": ("document", b'"coreml-resize-fix/report"'),
    ".sarif": ("sarif", b'"name": "coreml-resize-fix"'),
}

BRIEF = "brief"  # what is not right, a line each: text with `--quiet`
# what is printed beside text → the module whose `render` makes it
_PRINTED = {
    "brief": "brief",
    "json": "document",
    "markdown": "markdown",
    "github": "github",
    "sarif": "sarif",
}
# These show verdicts and no measured errors.
_WITHOUT_VALUES = {"", "text", "github", "sarif"}
_HEAD = 512  # bytes in which that is found


def printed(style: str, run: Run, paint: Callable[[str, str], str]) -> str:
    """What `--format` prints; `paint` colors the text form."""
    if style == "text":
        from coreml_resize_fix.report import text

        return text.render(run, paint)
    module = import_module("coreml_resize_fix.report." + _PRINTED[style])
    return str(module.render(run))


def renderer(path: str) -> Callable[[Run], str]:
    """What makes the report for that path.

    Raises:
        UsageError: no report has that suffix.
        OutputError: there is something else at that path; an earlier report is replaced unasked.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _FORMS:
        raise UsageError(
            f"`{path}` does not name a report",
            "end it in " + ", ".join(_FORMS),
        )
    name, mark = _FORMS[suffix]
    _refuse_other_files(path, mark)
    module = import_module("coreml_resize_fix.report." + name)
    render: Callable[[Run], str] = module.render
    return render


def shows_values(style: str, path: str) -> bool:
    """Whether what is printed, or the report at that path if there is one, has measured errors."""
    written = os.path.splitext(path)[1].lower().lstrip(".")
    return not {style, written} <= _WITHOUT_VALUES


def shows_hashes(style: str, path: str) -> bool:
    """Whether what is printed, or the report at that path if there is one, has hashes of files."""
    return style == "json" or path.lower().endswith((".json", ".html"))


def needs_pictures(path: str) -> bool:
    """Whether a report of that name shows images."""
    return path.lower().endswith(".html")


def write(path: str, text: str) -> None:
    """Replace the report at `path`; characters that UTF-8 cannot hold are escaped.

    Raises:
        OutputError: the file cannot be written.
    """
    from coreml_resize_fix.files import atomic

    with atomic.file(path, replace=True) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def _refuse_other_files(path: str, mark: bytes) -> None:
    if not os.path.lexists(path):
        return
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if mark in file.read(_HEAD):
                return
    raise OutputError(
        f"`{path}` exists and is not a report of this tool",
        "choose another name for the report",
    )
