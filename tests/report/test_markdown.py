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


def tables(text):
    """The rows of every table, each a list of cells as inline tokens."""
    found, before = [], ""
    for token in tokens(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif before in ("td_open", "th_open"):
            found[-1][-1].append(token)
        before = token.type
    return found


def cells(text):
    """The rows of the first table."""
    return tables(text)[0]


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


def rows_and_left(text, number):
    """The rows of a table, its head left out, and how many its last row says are missing."""
    rows = tables(text)[number][1:]
    more = re.fullmatch(r"and (\d+) more (models|layers)", rows[-1][0].content)
    return (rows, 0) if more is None else (rows[:-1], int(more.group(1)))


def is_whole(text):
    """Within a comment, and every element and every table ends."""
    assert len(text.encode("utf-16-le")) // 2 <= markdown.LONGEST < 65536
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>")
    assert text.count("<code>") == text.count("</code>")
    width = {len(table[0]) for table in tables(text)}
    assert width <= {3, 5}
    assert all(len(row) == len(table[0]) for table in tables(text) for row in table)
    return True


@pytest.mark.mostly_slow(quick=3)
@pytest.mark.parametrize("name", ["up", "名前" * 30, "\U0001f300" * 200, "`|" * 99, "x" * 70000])
@pytest.mark.parametrize("count", [1, 50, 400, 3000])
def test_a_comment_holds_it(count, name):
    found = unet().findings[0]
    found = replace(found, layer=replace(found.layer, name=name))
    text = markdown.render(reports.run(replace(unet(), findings=(found,) * count)))
    assert is_whole(text)
    rows, more = rows_and_left(text, 0)
    assert len(rows) + more == count
    left = re.search(r"^(\d+) more parts are left out here", text, re.MULTILINE)
    # The notices are one part, then there is one for each layer.
    shown = text.count("<details>")
    assert (0 if left is None else int(left.group(1))) in (count - shown, count + 1 - shown)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    "name", ["models/net", "models/" + "名前" * 50, "m|`<b>" * 40, "y" * 70000]
)
def test_a_comment_holds_300_models_of_several_layers(name):
    """Those that are not right go first; what there is no room for is counted."""
    right = [report("match", "match", path=f"{name}-{n}.mlmodel") for n in range(100)]
    wrong = [report(*["fixable"] * 7, "match", path=f"{name}!{n}") for n in range(100)]
    bad = [Failure(f"{name}?{n}", f"`{name}?{n}` is empty", "convert it again") for n in range(100)]
    several = [one for three in zip(right, wrong, bad) for one in three]
    text = markdown.render(reports.run(*several))
    assert is_whole(text)
    assert "300 models: 100 right, 100 not as asked for, 100 failed.\n" in text
    rows, more = rows_and_left(text, 0)
    assert len(rows) + more == 300
    kinds = ["failed"] * 100 + ["fixable"] * 100 + ["match"] * 100
    assert all(kind in row[2].content for row, kind in zip(rows, kinds))
    left = re.search(r"^The layers of (\d+) more models are left out here", text, re.MULTILINE)
    shown = text.count("<details>")
    assert shown + (0 if left is None else int(left.group(1))) == 100
    if len(name) < 20:
        assert len(rows) == 300
        assert shown > 10


def test_remarks_that_are_true_of_every_model_come_once():
    found = [report("fixable", path=path, notices=("all", path)) for path in ("one", "two")]
    text = markdown.render(reports.run(*found))
    assert len(re.findall(r"^(?:- )?all$", text, re.MULTILINE)) == 1
    assert text.count("- one") == text.count("- two") == 1


def test_on_the_command_line():
    ran = run(UNET, "-n", "-m", INTENT, "--format", "markdown")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("<!-- coreml-resize-fix -->\n### Resize layers: 1 match, 3 fixable\n")
    assert "largest error 0.77" in ran.out
    wrong = run("missing", "-n", "--assume", CORNERS, "--format", "markdown")
    assert wrong.code == 2
    assert "**error:** `missing` does not exist" in wrong.out
