"""The text report: the table, paragraphs, and the closing sentence."""

import os
import random
import re
from dataclasses import replace

import pytest

from coreml_resize_fix.auditing.findings import Near
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, UNKNOWN, InputSizes
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report import models, table, text
from coreml_resize_fix.report.plain import columns
from coreml_resize_fix.run.results import Failure, Run
from coreml_resize_fix.verify.agreement import Agreement, NotRun
from tests.report.reports import report, run, unet

OUT = {"output": "out.mlmodel"}
UNUSED = {"unused": (Intent(name="a"), Intent(name="b"))}
NO_LAYER = "no resize layer: nothing was compared."

CLOSINGS = [
    (["match"], {}, "1 resize layer: all compute their intent; nothing to change."),
    (["match"] * 3, {}, "3 resize layers: all compute their intent; nothing to change."),
    (["fixed", "match"], OUT, "1 layer fixed, 1 right already; wrote out.mlmodel."),
    (["fixed"], {}, "1 layer fixed."),  # in memory
    (["match"], OUT, "1 layer right already; wrote out.mlmodel, an unchanged copy."),
    (
        ["fixed", "fixed", "unmatchable"],
        OUT,
        "2 layers fixed, 1 cannot be fixed; wrote out.mlmodel.",
    ),
    (
        ["fixed"],
        dict(OUT, **UNUSED),
        "1 layer fixed; 2 intents without a layer; wrote out.mlmodel.",
    ),
    (["fixable", "match"], {}, "1 layer would be fixed, 1 right already: run without `--dry-run`."),
    (["fixable"] * 2, {}, "2 layers would be fixed: run without `--dry-run`."),
    (
        ["fixable", "ambiguous", "no-intent"],
        {},
        "1 layer fixable, 1 has no intent, 1 is ambiguous; nothing written.",
    ),
    (
        ["unmatchable", "unmatchable", "no-intent", "no-intent", "ambiguous", "ambiguous"],
        {},
        "2 layers cannot be fixed, 2 have no intent, 2 are ambiguous; nothing written.",
    ),
    (["match"], UNUSED, "1 layer right already; 2 intents without a layer; nothing written."),
    ([], {}, NO_LAYER),
    ([], {"asked": False}, NO_LAYER),
    ([], UNUSED, "no resize layer; 2 intents without a layer; nothing written."),
    (
        ["no-intent"],
        {"asked": False},
        "1 resize layer, nothing to compare with: pass `--manifest` or `--assume`.",
    ),
]


@pytest.mark.parametrize(("verdicts", "changes", "sentence"), CLOSINGS)
def test_closing_sentence(verdicts, changes, sentence):
    assert text.closing(report(*verdicts, **changes), dry_run=True) == sentence
    assert text.render(run(report(*verdicts, **changes), dry_run=True)).endswith("\n" + sentence)


def test_outside_of_a_dry_run_a_way_out_is_named():
    left = report("fixable", "unmatchable")
    assert text.closing(left, dry_run=False) == (
        "1 layer fixable, 1 cannot be fixed; nothing written; pass `--partial` to write the "
        "fixable ones."
    )


def needing(*options):
    """The example's layers, each with the options that it needs."""
    found = unet().findings
    return replace(
        report(),
        findings=tuple(
            replace(found[n % 4], verdict="needs-option", needs=needs)
            if needs
            else replace(found[n % 4], verdict="unmatchable")
            for n, needs in enumerate(options)
        ),
    )


def test_the_summary_says_which_options_how_many_layers_need():
    one, both = ("--decompose",), ("--decompose", "--deployment-target iOS14")
    assert text.closing(needing(one, one, one, ()), dry_run=True) == (
        "3 layers need `--decompose`, 1 cannot be fixed; nothing written."
    )
    assert text.closing(needing(both, one), dry_run=True) == (
        "1 layer needs `--decompose`, 1 needs `--decompose` and `--deployment-target iOS14`; "
        "nothing written."
    )


@pytest.mark.parametrize("seed", range(200))
def test_the_numbers_of_the_summary_are_those_of_the_layers(seed):
    rng = random.Random(seed)
    verdicts = [rng.choice(text.findings.VERDICTS) for _ in range(rng.randint(1, 12))]
    changes = dict(rng.choice((OUT, {})), **rng.choice((UNUSED, {})))
    said = text.closing(report(*verdicts, **changes), dry_run=rng.random() < 0.5)
    counts = [int(n) for n in re.findall(r"\d+", re.split(r"[;:]", said)[0])]
    assert sum(counts) == len(verdicts)
    assert 0 not in counts


def test_help_comes_once_for_each_reason_and_not_for_what_is_fixed():
    found = unet().findings
    left = replace(found[0], verdict="unmatchable", codes=("RSZ101", "RSZ301"))
    needs = replace(found[1], verdict="needs-option", codes=("RSZ102", "RSZ306"), needs=("--x",))
    shown = text.render(
        run(replace(report(), findings=(left, left, needs, found[2])), dry_run=False)
    )
    assert shown.count("help for RSZ301: train or fine-tune with align_corners=True") == 1
    assert shown.count("help for RSZ306: pass `--x`") == 1
    assert shown.count("help") == 2


def test_two_codes_with_one_help_are_one_line():
    found = unet().findings
    needs = [
        replace(found[0], verdict="needs-option", codes=(code,), needs=("--x",))
        for code in ("RSZ306", "RSZ309")
    ]
    shown = text.render(run(replace(report(), findings=tuple(needs))))
    assert "  help for RSZ306, RSZ309: pass `--x`\n" in shown
    assert shown.count("help") == 1


def ranked(verdict):
    near = (Near(ResizeBilinear((25, 31)), 0.25, 0.1),)
    finding = replace(unet().findings[0], verdict=verdict, codes=("RSZ101",), closest=near)
    return replace(report(), findings=(finding,))


@pytest.mark.parametrize(
    ("verdict", "verbose", "shown"),
    [
        ("unmatchable", False, True),
        ("needs-option", False, False),
        ("needs-option", True, True),
    ],
)
def test_what_comes_closest_is_listed_where_nothing_exact_is(verdict, verbose, shown):
    told = text.render(Run((ranked(verdict),), True, verbose=verbose))
    assert ("not exact, the closest first" in told) == shown
    assert ("25×31 STRICT_ALIGN_ENDPOINTS" in told) == shown


def test_long_lists_end_after_a_screen():
    finding = replace(unet().findings[0], verdict="unmatchable")
    intents = tuple(Intent(name="call{}".format(n)) for n in range(1000))
    notices = tuple("remark {} of it".format(n) for n in range(1000))
    long = replace(report(), findings=(finding,) * 50, unused=intents, notices=notices)
    shown = text.render(run(long))
    assert shown.count("  layers[9] RSZ101: ") == 20
    assert "  and 30 more layers that differ; `-v` tells of all\n" in shown
    assert shown.count("intent without a layer: ") == 20
    assert "  and 980 more intents without a layer\n" in shown
    assert shown.count(" of it\n") == 20
    assert "  and 980 more remarks\n" in shown
    assert text.render(Run((long,), True, verbose=True)).count("  layers[9] RSZ101: ") == 50


def test_colors_follow_the_verdict_and_leave_the_columns_alone():
    painted = text.render(
        run(unet(), dry_run=True), lambda content, color: "<{}|{}>".format(color, content)
    )
    rows = [line for line in painted.splitlines() if line.startswith("  <")]
    assert [row[2:].split("|")[0] for row in rows] == ["<yellow"] * 3 + ["<green"]
    plain = text.render(run(unet(), dry_run=True)).splitlines()
    for row in rows:
        without = row.replace("<yellow|", "").replace("<green|", "").replace(">", "", 1)
        assert without in plain


def test_every_verdict_has_a_color():
    assert set(table.COLORS) == set(text.findings.VERDICTS)


SIZES = [
    ({}, "10×12 → 20×24, not 25×31"),
    ({"input": InputSizes(FLEXIBLE)}, "varies"),
    ({"input": InputSizes(UNKNOWN)}, "? → ?, not 25×31"),
    ({"params": ResizeBilinear((25, 31))}, "10×12 → 25×31"),
    (
        {"input": InputSizes(FLEXIBLE), "params": ResizeBilinear((9, 9))},
        "? → 9×9, not 25×31",
    ),
]


@pytest.mark.parametrize(("changes", "shown"), SIZES)
def test_sizes(changes, shown):
    finding = unet().findings[1]
    found = replace(finding, layer=replace(finding.layer, **changes))
    rows = text.render(run(replace(report(), findings=(found,)), dry_run=True)).splitlines()
    assert re.split(r"\s{2,}", rows[3].strip())[2] == shown


ESCAPE, OVERRIDE = "\x1b[31mred", "a\u202eb"
# name → how its row begins; a row has 80 columns, whatever the names are
NAMES = {
    "a" * 20: "fixable  " + "a" * 20 + "  5×6",
    "first" + "a" * 80 + "last": "fixable  …" + "a" * 21 + "last  5×6",
    "名前" * 20: "fixable  …" + "名前" * 6 + "   5×6",
    "e\u0301" * 50: "fixable  …" + "e\u0301" * 25 + "  5×6",
    ESCAPE: "fixable  \\x1b[31mred  5×6",
    OVERRIDE: "fixable  a\\u202eb  5×6",
    "two\nlines": "fixable  two\\nlines  5×6",
    "\ud800": "fixable  \\ud800  5×6",
}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_names_are_cut_at_their_beginning_and_show_what_hides(name):
    finding = unet().findings[0]
    message = finding.message.replace("29", name)
    named = replace(finding, layer=replace(finding.layer, name=name), message=message)
    shown = text.render(run(replace(report(), findings=(named,)), dry_run=True))
    row = shown.splitlines()[3]
    assert row.startswith("  " + NAMES[name])
    assert columns(row) <= 80
    assert not set(shown) & set("\x1b\u202e\ud800")


def test_columns_stay_aligned_beside_wide_characters():
    found = unet().findings
    names = ("名前", "plain", "e\u0301e\u0301")
    named = [replace(f, layer=replace(f.layer, name=n)) for f, n in zip(found, names)]
    rows = text.render(run(replace(report(), findings=tuple(named)))).splitlines()[3:6]
    assert len({columns(row[: row.index("bilinear")]) for row in rows}) == 1


# What the widest rows may hold, and that `True` and `False` are in each of them.
CALLS = [
    ({"align_corners": True}, "bilinear corners=True"),
    ({"align_corners": False}, "bilinear corners=False"),
    ({"mode": "bicubic", "antialias": True}, "bicubic corners=False antialias"),
    ({"align_corners": True, "antialias": True}, "bilinear corners=True antialias"),
    ({"framework": "tensorflow1"}, "tensorflow1 bilinear corners=False"),
    ({"mode": "nearest-exact", "scale_factor": (2.5, 1.25)}, "nearest-exact"),
]


@pytest.mark.parametrize(("asked", "shown"), CALLS)
@pytest.mark.parametrize("sides", [(5, 6, 25, 31), (512, 1024, 1024, 2049)])
def test_what_was_asked_for_is_never_cut(asked, shown, sides):
    before, meant = sides[:2], sides[2:]
    finding = unet().findings[1]
    layer = replace(finding.layer, name="n" * 60, input=InputSizes.static(before))
    long = replace(
        finding,
        layer=layer,
        verdict="needs-option",
        intended_size=meant,
        intent=replace(Intent(size=meant), **asked),
    )
    lines = text.render(run(replace(report(), findings=(long,)))).splitlines()
    assert lines[3].endswith("  " + shown)
    assert "  …nnnnnnn" in lines[3]
    assert all(len(line) <= 80 for line in lines)


def test_the_size_that_is_meant_gets_a_line_where_one_has_no_room():
    finding = unet().findings[1]
    layer = replace(finding.layer, name="a_module.of_a_network.up")
    rows = text.render(run(replace(report(), findings=(replace(finding, layer=layer),))))
    assert "  10×12 → 20×24, not 25×31  " in rows
    narrow = replace(finding, layer=layer, verdict="needs-option", max_shift_px=0.25)
    rows = text.render(run(replace(report(), findings=(narrow,)))).splitlines()
    assert "10×12 → 20×24  0.250" in rows[3]
    assert rows[4].strip() == "not 25×31"
    assert rows[4].index("not") == rows[3].index("10×12")


def test_unused_intents_and_notices_are_told():
    shown = text.render(run(report("match", **UNUSED), dry_run=True))
    assert "  intent without a layer: `a`, bilinear corners=False" in shown
    remark = "word " * 30
    found = replace(report("match"), notices=(remark.strip(),))
    lines = text.render(run(found, dry_run=True)).splitlines()
    assert "  " + ("word " * 15).strip() in lines
    assert all(len(line) <= 80 for line in lines)


SEVERAL = [
    report("match", path="a/net.mlmodel"),
    report("fixable", "match", "fixable", path="a/b/b.mlmodel"),
    report(path="a/c\n.mlpackage"),
    Failure("a/bad.mlmodel", "`a/bad.mlmodel` is empty", "convert the model again"),
    report("no-intent", path="a/list.mlmodel", asked=False),
]


def test_several_models_are_one_table_and_one_summary():
    """A line each, the folder that all are in said once, and what to do next once for all."""
    shown = text.render(run(*SEVERAL, dry_run=True)).splitlines()
    assert [re.split(r"\s{2,}", line) for line in shown[:6]] == [
        ["model (in a/)", "shift", "outcome"],
        ["net.mlmodel", "0.455", "1 match"],
        ["b/b.mlmodel", "0.492", "1 match, 2 fixable"],
        ["c\\n.mlpackage", "-", "no resize"],
        ["bad.mlmodel", "-", "failed: is empty"],
        ["list.mlmodel", "-", "1 resize not compared"],
    ]
    assert shown[6:] == [
        "",
        "5 models: 1 right, 1 not as asked for, 2 with nothing to compare, 1 failed.",
        "  help: 1 model can be fixed: run without `--dry-run`",
        "  help: nothing to compare with: pass `--manifest` or `--assume`",
        "  help: `-v`, or one model alone, tells of each layer",
    ]


def test_a_network_that_could_not_run_is_not_called_wrong():
    stopped = replace(unet(), network=Agreement("numpy", 1e-3, (), not_run=NotRun("", "", "no")))
    assert text.render(run(stopped)).endswith(" The whole network was not compared.")
    assert models.outcome(stopped).endswith(", network not compared")


def test_a_reason_without_its_path_stays_a_sentence():
    path = "in/a.mlmodel"
    assert models.reason(Failure(path, f"`{path}` is empty", "")) == "is empty"
    within = f"the folder `in` has nothing for `{path}` here"
    assert models.reason(Failure(path, within, "")) == within


def test_the_ways_to_fix_several_models_are_counted():
    """A model counts where all of its layers can be fixed so; what was written is said, too."""
    one = unet().findings[0]
    needs = replace(one, verdict="needs-option", needs=("--decompose",))
    never = replace(one, verdict="unmatchable")
    found = [(one,), (one, needs), (needs,), (needs, never), (never,)]
    reports = [replace(report(), findings=findings) for findings in found]
    dry = text.render(run(*reports, dry_run=True)).splitlines()
    assert dry[-3:-1] == [
        "  help: 1 model can be fixed: run without `--dry-run`",
        "  help: 2 models can be fixed: run without `--dry-run` and pass `--decompose`",
    ]
    done = report("fixed", path="a", output="o\n/a")
    real = text.render(run(done, *reports[1:], dry_run=False)).splitlines()
    assert real[-3:-1] == [
        "5 models: 1 right, 4 not as asked for; wrote 1, the first is o\\n/a.",
        "  help: 2 models can be fixed: pass `--decompose`",
    ]


@pytest.mark.parametrize(
    ("paths", "head", "names"),
    [
        (["m/a", "m/b"], "model (in m/)", ["a", "b"]),
        (["m/a", "mm/b"], "model", ["m/a", "mm/b"]),
        (["a", "/x/b"], "model", ["a", "/x/b"]),
        (["/x/a", "/y/b"], "model (in /)", ["x/a", "y/b"]),
        (["m/n/a", "m/b"], "model (in m/)", ["n/a", "b"]),
        (["", "m/b"], "model", ["", "m/b"]),
    ],
)
@pytest.mark.skipif(os.sep != "/", reason="the paths here are those of POSIX")
def test_the_folder_that_all_models_are_in(paths, head, names):
    rows = text.render(run(*(report(path=path) for path in paths))).splitlines()[:3]
    assert [row.rsplit("  -", 1)[0].split("  ")[0].rstrip() for row in rows] == [head, *names]


def test_the_layers_of_several_models_are_told_when_asked_for():
    told = text.render(replace(run(*SEVERAL, dry_run=True), verbose=True))
    for one in SEVERAL[1:4]:
        assert text.render(run(one, dry_run=True)) in told
    assert "\n\nmodel (in a/)" in told
    assert "tells of each layer" not in told


def test_rows_of_models_fit_a_terminal_and_paths_are_cut_at_their_beginning():
    found = [report(*["fixable", "match", "ambiguous"] * 9, path="n" * 99 + f"{n}") for n in (1, 2)]
    found.append(report(path="名前" * 40 + "n"))
    rows = text.render(run(*found)).splitlines()[1:4]
    assert [columns(row[: row.index("  ")]) for row in rows] == [36] * 3
    assert all(columns(row) <= 80 for row in rows)
    assert rows[0].startswith("…" + "n" * 34 + "1  ")


def test_before_and_after_stand_below_each_other_with_their_errors():
    shown = text.render(run(unet()))
    assert "\n    before  Upsample BILINEAR ×2,2 DEFAULT, error 0.77\n    after   Resize" in shown
    assert shown.count("\n    before  ") == 3
