"""The head of the page: the answer, the command, the date, the files; and what it has to copy."""

import hashlib
import html as entities
import json
import re
import shlex
import shutil
from dataclasses import replace

import pytest

from coreml_resize_fix import __version__
from coreml_resize_fix.auditing.displacement import Displacement, Step
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents import assume, manifest
from coreml_resize_fix.report import drawing, html
from coreml_resize_fix.report.headline import headline
from coreml_resize_fix.run import outputs, pipeline
from coreml_resize_fix.run.results import Failure
from coreml_resize_fix.verify.agreement import NUMPY, Agreement, ComparedOutput, NotRun
from tests.cli.commands import HALF, INTENT, UNET
from tests.cli.commands import run as command
from tests.formats.mlprogram import calls, files
from tests.report.pages import Page
from tests.report.reports import report, run, unet
from tests.support import cases
from tests.support.cases import read_bytes, read_json


def package(name):
    """The path of an ML Program, which coremltools describes from version 5 on."""
    pytest.importorskip(
        "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
    )
    return str(files.package(name))


def moved(*pixels):
    """An output of 100×100 pixels that is moved to the right by so many."""
    return tuple(
        Displacement("scores", (100, 100), (Step("layers[0]", (0.0, p / 100), (0.0, p / 100)),))
        for p in pixels
    )


def compared(*outputs, **more):
    """(name, error before, error after) of outputs up to 2, of which 0.2 is tolerated."""
    found = tuple(
        ComparedOutput(n, b, a, 2.0, (a if a is not None else b) <= 0.2) for n, b, a in outputs
    )
    return Agreement(NUMPY, 0.1, found, **more)


RATIO = "bilinear,align_corners=true,scale_factor=1.16"
RIGHT = ("match", "match")
FIXED = ("fixed", "fixed", "fixed", "match")
HEADS = [
    (RIGHT, {}, "All 2 layers are right"),
    (("match",), {}, "The resize layer is right"),
    (
        FIXED,
        {"displacements": moved(1.0, 5.68)},
        "3 layers fixed; `scores` was off by 5.7 pixels",
    ),
    (("fixed", "unmatchable"), {}, "1 layer fixed, 1 cannot be fixed"),
    (
        ("fixable",),
        {"displacements": moved(0.0421)},
        "1 layer can be fixed; `scores` is off by 0.042 pixels",
    ),
    (("no-intent", "no-intent", "ambiguous"), {}, "2 layers have no intent, 1 is ambiguous"),
    (
        RIGHT,
        {"network": compared(("a", 0.1, None))},
        "All 2 layers are right; `a` is as the reference has it",
    ),
    (
        RIGHT,
        {"network": compared(("a", 0.5, None), ("b", 0.7, None), ("c", 9, None))},
        "All 2 layers are right; `a`, `b` and 1 more are not what the reference has",
    ),
    (
        FIXED,
        {"network": compared(("a", 0.25, 0.1), ("b", 0.75, 0.1))},
        "3 layers fixed; `b` was off by 0.75",
    ),
    (
        RIGHT,
        {"network": compared(not_run=NotRun("layers[1]", "x", "y"))},
        "All 2 layers are right; the network could not be run",
    ),
    ((), {"need_no_layer": ()}, "No resize layer"),
    (RIGHT, {"asked": False}, "2 layers listed, none compared"),
]


@pytest.mark.parametrize(("verdicts", "changes", "expected"), HEADS, ids=[h[2] for h in HEADS])
def test_the_title_is_the_answer(verdicts, changes, expected):
    found = report(*verdicts, **{"displacements": (), "unused": (), **changes})
    # Sizes that differ would be told where nothing else is.
    found = replace(found, findings=tuple(replace(f, intended_size=None) for f in found.findings))
    assert headline(run(found)) == expected
    page = Page(html.render(run(found)))
    assert page.text.startswith(expected.replace("`", "") + " – net.mlmodel Skip")


def test_a_layer_of_another_size_is_the_answer_where_nothing_is_moved():
    """Of the U-Net the second one makes 20×24 of 10×12, where 25×31 was asked for."""
    found = replace(unet(), displacements=())
    expected = "3 layers can be fixed; `34` makes 20×24 instead of 25×31"
    assert headline(run(found)) == expected


def test_the_title_of_many_models_counts_them_and_of_none_says_why():
    models = report("match", path="a"), report("fixable", path="b")
    assert headline(run(*models)) == "2 models: 1 right, 1 not as asked for"
    gone = Failure(None, "there is no folder `x`", "create it")
    assert headline(run(gone)) == "There is no folder `x`"
    bad = Failure("a.mlmodel", "`a.mlmodel` is empty", "convert it again")
    assert headline(run(bad)) == "`a.mlmodel` is empty"


def test_long_names_are_cut_in_the_title():
    found = replace(unet(), displacements=(moved(2)[0]._replace(output="x" * 10000),))
    assert len(headline(run(found))) < 90


def test_command_version_date_and_hashes_are_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    folder = tmp_path / "it's a $HOME"
    folder.mkdir()
    model = shutil.copy(UNET, str(folder / "u <b>.mlmodel"))
    page = str(tmp_path / "x.html")
    typed = [model, "-m", INTENT, "--report", page]
    assert command(*typed).code == 0
    text = read_bytes(page).decode("utf-8")
    shown = Page(text).text
    (told,) = re.findall('<pre class="command"><code>(.*)</code>', text)
    assert shlex.split(entities.unescape(told)) == ["coreml-resize-fix", *typed]
    made = f"Made by coreml-resize-fix {__version__}, 2023-11-14 22:13 UTC , exit code 0"
    assert made in shown
    assert f"{hashlib.sha256(read_bytes(model)).hexdigest()} (as it was)" in shown
    written = str(folder / "u <b>-fixed.mlmodel")
    assert f"{hashlib.sha256(read_bytes(written)).hexdigest()} (written)" in shown


def test_the_hash_of_a_package_is_that_of_its_model(tmp_path):
    model = str(tmp_path / "m.mlpackage")
    shutil.copytree(package("ct9_ml17_acT_sf_rounds_up"), model)
    page, inside = str(tmp_path / "x.html"), "Data/com.apple.CoreML/model.mlmodel"
    assert command(model, "--assume", RATIO, "--report", page).code == 0
    shown = Page(read_bytes(page).decode("utf-8")).text
    for file, said in ((model, "as it was"), (model.replace("m.", "m-fixed."), "written")):
        assert f"{hashlib.sha256(read_bytes(f'{file}/{inside}')).hexdigest()} ({said})" in shown


def test_a_large_file_that_is_only_audited_is_not_hashed(monkeypatch, tmp_path):
    monkeypatch.setattr(outputs, "LARGEST_TO_HASH", 100)
    page = str(tmp_path / "x.html")
    assert command(UNET, "-n", "-m", INTENT, "--report", page).code == 1
    assert "SHA-256 not computed, as the model" in Page(read_bytes(page).decode("utf-8")).text


def test_pages_of_one_run_differ_by_the_date_alone(monkeypatch):
    def lines(seconds):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", seconds)
        return html.render(run(unet())).splitlines()

    assert lines("0") == lines("0")
    (differing,) = [a for a, b in zip(lines("0"), lines("86400")) if a != b]
    assert '<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00 UTC</time>' in differing
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert re.search(r'<time datetime="20\d\d-', html.render(run(unet())))


def test_a_date_that_is_none_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "tomorrow")
    with pytest.raises(UsageError, match="`SOURCE_DATE_EPOCH` is `tomorrow`"):
        html.render(run(unet()))
    ran = command(UNET, "-n", "-m", INTENT, "--report", str(tmp_path / "x.html"))
    assert ran.code == 2
    assert "help: correct it, or unset it" in ran.err


def test_from_python_there_is_no_command():
    assert '<pre class="command">' not in html.render(run(unet()))


def test_a_row_says_what_was_asked_for_what_is_in_the_file_and_what_is_after():
    shown = Page(html.render(run(unet()))).text
    assert (
        "29 5×6 → 10×12 → fixable bilinear corners=True size=10×12 "
        "Upsample BILINEAR ×2,2 DEFAULT ResizeBilinear 10×12 STRICT_ALIGN_ENDPOINTS 0.455"
    ) in shown
    assert "46 25×31 → 50×62 = match nearest size=50×62 Upsample NN ×2,2 as it is 0.000" in shown


def entries(found):
    """The texts that the page of a report has to copy, as they are seen."""
    text = html.render(run(found))
    return [
        entities.unescape(one) for one in re.findall(r"<pre>(.*?)</pre>", text, flags=re.DOTALL)
    ]


COPIED = [
    lambda: (UNET, manifest.load(INTENT)),
    lambda: (cases.named(HALF).path, cases.named(HALF).intents()),
    lambda: (cases.named("t17_oc13_panfpn_acT").path, cases.named("t17_oc13_panfpn_acT").intents()),
    *(
        lambda name=name: (package(name), calls.intents(name))
        for name in ("ct9_ml17_nn_sf2p3", "ct9_ml15_aa_half", "ct9_ml17_equal_calls")
    ),
]


@pytest.mark.parametrize("given", range(len(COPIED)))
def test_entries_that_are_copied_make_a_manifest_with_the_same_verdicts(given, tmp_path):
    path, intents = COPIED[given]()
    found = pipeline.process(path, pipeline.Request(manifest=intents, dry_run=True))
    copied = [json.loads(text) for text in entries(found)]
    assert len(copied) == len(found.findings) > 0
    file = tmp_path / "copied.json"
    file.write_text(json.dumps({"resizes": copied}), encoding="utf-8")
    again = pipeline.process(
        path, pipeline.Request(manifest=manifest.load(str(file)), dry_run=True)
    )
    for one, other in zip(found.findings, again.findings):
        assert (one.verdict, one.after, one.max_shift_px) == (
            other.verdict,
            other.after,
            other.max_shift_px,
        )
        assert one.intent is None or one.intent.request == other.intent.request


def test_an_entry_of_what_was_assumed_has_no_name():
    request = pipeline.Request(assume=assume.parse(RATIO), dry_run=True)
    first = json.loads(entries(pipeline.process(UNET, request))[0])
    assert first == {
        "layer": "29",
        "mode": "bilinear",
        "align_corners": True,
        "antialias": False,
        "scale_factor": [1.16, 1.16],
    }


def test_entries_of_an_inventory_are_those_of_a_template(tmp_path):
    file = tmp_path / "template.json"
    assert command(UNET, "--write-manifest", file).code == 3
    found = pipeline.process(UNET, pipeline.Request(dry_run=True))
    assert [json.loads(text) for text in entries(found)] == read_json(str(file))["resizes"]


@pytest.mark.parametrize("name", ["</pre><script>", "a\nb", "\u202ex", "\U000e0001", "größe", '"'])
def test_names_in_entries_stay_what_they_are(name):
    finding = unet().findings[0]
    named = replace(
        unet(), findings=(replace(finding, layer=replace(finding.layer, name=name)),), unused=()
    )
    (text,) = entries(named)
    assert json.loads(text)["layer"] == name
    assert len(Page(html.render(run(named))).scripts) == 1


def test_an_inventory_draws_what_each_layer_reads():
    """Upsample BILINEAR reads at min(last, i / 2), NN copies floor(i / 2)."""
    found = pipeline.process(UNET, pipeline.Request(dry_run=True))
    first, second, unknown, nearest = map(drawing.drawings, found.findings)
    assert [drawn.axis for drawn in first] == ["rows", "columns"]
    for drawn in (*first, *second):
        (lane,) = drawn.lanes
        last = max(number for _, number in drawn.pixels)
        assert lane.label == "this layer"
        assert [m.position for m in lane.marks] == [min(last, m.output / 2) for m in lane.marks]
        assert len(lane.marks) > 6
        assert drawn.links == ()
    # The input of the third cannot be, so that the picture is of an example.
    assert [len(drawn.pixels) for drawn in unknown] == [6, 8]
    assert unknown[0].caption.endswith(
        "read source 0.000, 0.500, 1.000, if its input had this size"
    )
    (lane,) = nearest[0].lanes
    assert [m.position for m in lane.marks] == [m.output // 2 for m in lane.marks]
    page = Page(html.render(run(found)))
    assert len(page.of("svg")) == 8
    assert "output rows 0, 1, 2 read source 0.000, 0.500, 1.000." in page.text
    assert "46 is Upsample NN ×2,2 : 25×31 → 50×62, which equals PyTorch nearest" in page.text


def test_a_picture_of_what_is_not_documented_says_so():
    """12 · 2.3 is 27 or 28 by the rounding of the factor, and one mode copies either of two."""
    for name in ("mil_ml17_resize_nearest", "ct9_ml17_nn_sf2p3"):
        found = pipeline.process(package(name), pipeline.Request(dry_run=True))
        for finding in found.findings:
            is_open = "does not document" in finding.message
            assert drawing.drawings(finding)
            for drawn in drawing.drawings(finding):
                assert drawn.caption.endswith("documentation leaves") is is_open
