"""The Markdown report, read by a parser of GitHub's tables."""

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from coreml_resize_fix.report import markdown
from coreml_resize_fix.run.results import Failure
from tests.cli.commands import CORNERS, INTENT, UNET, run
from tests.report import reports
from tests.report.reports import report, unet

HOSTILE = [
    "a|b",
    "`tick`",
    "``two`",
    "`",
    "<script>alert(1)</script>",
    "@someone",
    "#12",
    "two\nlines",
    "\x1b[31m",
    "**bold** _it_",
    "[link](http://x)",
    "\\",
    "a\\|b",
    "~~gone~~",
    "&amp;",
    "",
    " ",
    "\ud800",
]
ESCAPES = {"two\nlines": "two\\nlines", "\x1b[31m": "\\x1b[31m", "\ud800": "\\ud800"}


def tokens(text):
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.parse(text)


def cells(text):
    """The cells of the first table, as inline tokens."""
    found, row = [], None
    for token in tokens(text):
        if token.type == "tr_open":
            row = []
            found.append(row)
        elif token.type == "inline" and row is not None:
            row.append(token)
        elif token.type == "table_close":
            break
    return found


def named(name):
    finding = unet().findings[0]
    return replace(report(), findings=(replace(finding, layer=replace(finding.layer, name=name)),))


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_one_code_span_of_one_cell(name):
    head, row = cells(markdown.render(reports.run(named(name))))
    assert [cell.content for cell in head] == ["layer", "verdict", "size", "shift", "asked for"]
    assert len(row) == 5
    (span,) = row[0].children
    assert span.type == "code_inline"
    shown = named(name).findings[0].layer.address if name == "" else ESCAPES.get(name, name)
    assert span.content.strip() == shown.strip()
    assert row[1].content == "→ fixable"


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.strip()])
def test_no_name_means_anything_elsewhere(name):
    """Messages, paths, notices, failures: no link, no emphasis, no HTML but our own, no mention."""
    wrong = Failure(name, "`{}` is bad: {}".format(name, name), name, details=(name,))
    finding = unet().findings[0]
    message = "`{}` asks for {}".format(name, name)
    bad = replace(
        report(path=name),
        findings=(replace(finding, message=message, layer=replace(finding.layer, name=name)),),
        notices=(name,),
    )
    text = markdown.render(reports.run(bad, wrong))
    ours = re.compile(r"<!-- coreml-resize-fix -->|</?(details|summary|code)>")
    for token in tokens(text):
        if token.type == "html_block":
            left = re.sub(ours, "", token.content)
            assert "<" not in left.replace("&lt;", "")
        for child in token.children or ():
            assert child.type in ("text", "code_inline", "strong_open", "strong_close", "softbreak")
    assert "\x1b" not in text
    assert text.encode("utf-8")


def test_every_fact_of_the_text_report_is_there():
    text = markdown.render(reports.run(unet()))
    assert "### Resize layers: 1 match, 3 fixable\n" in text
    assert "3 layers would be fixed, 1 right already: run without `--dry-run`." in text
    for finding in unet().findings:
        assert "| `{}` |".format(finding.layer.name) in text
        for code in finding.codes:
            assert "- {}\n".format(code) in text
    assert "- before: `Upsample BILINEAR ×2,2 DEFAULT`, largest error 0.77\n" in text
    assert text.count("<details>") == text.count("</details>") == 3


def test_a_failure_stands_beside_the_models():
    text = markdown.render(reports.run(Failure("a.mlmodel", "`a.mlmodel` is empty", "convert it")))
    assert "**`a.mlmodel`**: **error:** `a.mlmodel` is empty. convert it" in text
    assert "1 failed" in text


@pytest.mark.parametrize("count", [1, 50, 400, 3000])
def test_a_comment_holds_it(count):
    found = unet().findings[0]
    text = markdown.render(reports.run(replace(unet(), findings=(found,) * count)))
    assert len(text) <= markdown.LONGEST < 65536
    shown = text.count("<details>")
    left = re.search(r"^(\d+) more parts are left out here", text, re.MULTILINE)
    # The table is one part, the notices another, then one for each layer.
    assert (count - shown if left is None else count + 2 - shown) >= 0
    assert (left is None) == (shown == count)


def test_on_the_command_line():
    ran = run(UNET, "-n", "-m", INTENT, "--format", "markdown")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("<!-- coreml-resize-fix -->\n### Resize layers: 1 match, 3 fixable\n")
    assert "largest error 0.77" in ran.out
    wrong = run("missing", "-n", "--assume", CORNERS, "--format", "markdown")
    assert wrong.code == 2
    assert "**error:** `missing` does not exist" in wrong.out
