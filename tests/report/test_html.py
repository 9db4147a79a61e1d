"""The page: complete, self-contained, escaped, and with the same figures as the JSON report."""

import base64
import hashlib
import re
from dataclasses import replace

import numpy as np
import png
import pytest

from coreml_resize_fix.intents import assume, manifest
from coreml_resize_fix.intents.tensors import Recorded
from coreml_resize_fix.report import document, drawing, html
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.results import Failure
from tests.cli.commands import CORNERS, HALF, INTENT, RIGHT, UNET
from tests.report import reports
from tests.report.pages import Page
from tests.report.reports import report
from tests.support import build, cases

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [SCRIPT, '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "&lt;b&gt;", "'", "a\nb", "`x`"]


def audited(path=UNET, **options):
    options.setdefault("manifest", manifest.load(INTENT))
    return pipeline.process(path, pipeline.Request(dry_run=True, pictures=True, **options))


@pytest.fixture(scope="module")
def unet():
    return audited()


def page(*results, **options):
    return Page(html.render(reports.run(*results, **options)))


def test_every_layer_verdict_and_figure_of_the_json_report_is_there(unet):
    (model,) = document.document(reports.run(unet))["models"]
    shown = page(unet)
    for layer in model["layers"]:
        for value in (layer["name"], layer["address"], layer["verdict"], *layer["codes"]):
            assert value in shown.text
        if layer["max_shift_px"]:
            assert "{:.3f} source pixels".format(layer["max_shift_px"]) in shown.text
        if layer["max_abs_error_before"]:
            assert "{:.2g} now".format(layer["max_abs_error_before"]) in shown.text
    assert "3 layers would be fixed, 1 right already: run without --dry-run ." in shown.text
    assert "moved by up to 5.68 pixels of that output" in shown.text
    assert "It makes 20×24 pixels where 25×31 were asked for" in shown.text


def test_which_layer_moves_the_output_and_by_how_much(unet):
    """The steps add up to what the notice says, within the rounding of two figures."""
    text = page(unet).text
    rows = re.findall(r"(\d+) → fixable ([+-][\d.]+) ([+-][\d.]+) ([\d.]+) ([\d.]+)", text)
    assert [row[0] for row in rows] == ["29", "39"]
    assert sum(float(row[1]) for row in rows) == pytest.approx(-2.48, abs=0.015)
    assert sum(float(row[2]) for row in rows) == pytest.approx(-2.64, abs=0.015)
    assert float(rows[-1][4]) == pytest.approx(sum(float(row[3]) for row in rows), abs=0.01) == 5.68


def test_nothing_is_loaded_and_one_script_may_run(unet):
    text = html.render(reports.run(unet))
    shown = Page(text)
    for tag, attributes in shown.elements:
        assert tag not in ("link", "iframe", "object", "form", "base")
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "action"):
            assert re.match(r"^(#|data:image/png;base64,)", attributes.get(name, "#"))
    assert not re.search(r"url\(|@import|https?:", text)
    (policy,) = [m["content"] for m in shown.of("meta") if m.get("http-equiv")]
    (script,) = shown.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    # Not of the report, so that its hash is the same in every page.
    assert page(audited(manifest=None)).scripts == [script]


def test_ids_are_unique_and_every_link_has_its_target(unet):
    shown = page(unet, unet, Failure("x", "`x` is bad", "mend it"))
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 10
    targets = [link["href"][1:] for link in shown.of("a")]
    targets += [a["aria-labelledby"] for _, a in shown.elements if "aria-labelledby" in a]
    assert set(targets) <= set(ids)
    assert all(re.match(r"^(m\d+(-l\d+)?(-title)?|layers|only-[a-z-]+)$", name) for name in ids)


def test_headings_tables_and_pictures_speak_to_screen_readers(unet):
    shown = page(unet)
    levels = [int(tag[1]) for tag, _ in shown.elements if re.match(r"^h\d$", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert all(head.get("scope") in ("col", "row") for head in shown.of("th"))
    assert all(image["alt"] for image in shown.of("img"))
    assert len(shown.of("svg")) == len(shown.of("desc")) == 8
    assert all(drawn["role"] == "img" for drawn in shown.of("svg"))
    assert shown.of("html")[0]["lang"] == "en"
    regions = [a for _, a in shown.elements if a.get("role") == "region"]
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in regions)


def page_named(name, unet):
    """A page on which every name and text that comes from outside is this one."""
    finding = unet.findings[0]
    named = replace(
        finding,
        layer=replace(finding.layer, name=name),
        intent=replace(finding.intent, name=name),
        message="`{}` is wrong".format(name),
    )
    bad = replace(unet, path=name, output=name, findings=(named,), notices=(name,))
    failure = Failure(name, "`{}` is bad".format(name), name, details=(name,))
    return page(bad, failure)


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name, unet):
    shown, harmless = page_named(name, unet), page_named("harmless", unet)
    assert {tag for tag, _ in shown.elements} == {tag for tag, _ in harmless.elements}
    said = name.replace("`", "").replace("\n", "\\n")
    assert shown.text.count(" ".join(said.split())) > 4
    assert "49" not in shown.text.split("Skip")[0]


def test_what_is_left_after_a_partial_fix(unet):
    fixed = tuple(replace(f, verdict="fixed") for f in unet.findings[:2]) + unet.findings[2:]
    text = page(replace(unet, findings=fixed, output="out.mlmodel")).text
    assert "up to 5.68 in the file as it was, 0.98 in the result" in text


def test_rounding_is_no_difference():
    right = audited(cases.named(RIGHT).path, manifest=None, assume=assume.parse(CORNERS))
    assert right.findings[0].verdict == "match"
    text = page(right).text
    assert "✓ no difference" in text
    assert "difference: 0" not in text
    # Of a layer of the wrong size only the fix can be compared, and its rounding is a tick.
    wrong = page(replace(audited(), findings=audited().findings[1:2]))
    assert not [image for image in wrong.of("img") if image["alt"].startswith("difference")]
    assert "✓ no difference difference after the fix 25×31" in wrong.text


def test_surrogates_can_be_written(unet, tmp_path):
    from coreml_resize_fix.report import files

    path = str(tmp_path / "x.html")
    files.write(path, files.renderer(path)(reports.run(replace(unet, path="\udcff.mlmodel"))))
    with open(path, encoding="utf-8") as file:
        assert "\\udcff.mlmodel" in file.read()


def test_pictures_show_what_was_asked_for_and_how_far_the_layer_is_off(unet):
    shown = page(unet)
    images = shown.of("img")
    assert [image["alt"].split(",")[0] for image in images[:5]] == [
        "input",
        "asked for",
        "this layer makes",
        "after the fix",
        "difference",
    ]
    decoded = [decode(image) for image in images[:5]]
    assert [size for size, _ in decoded] == [(5, 6)] + [(10, 12)] * 4
    assert decoded[1] != decoded[2]
    assert decoded[1] == decoded[3]
    # Colors are the same everywhere, so that the ground of the page shows where nothing is off.
    pixels = np.array(decoded[4][1]).reshape(-1, 4)
    assert len({tuple(color) for color in pixels[:, :3]}) == 1
    assert (pixels[:, 3].min(), pixels[:, 3].max()) == (0, 255)
    # After the fix nothing is off, and the fourth layer is right as it is.
    assert shown.text.count("✓ no difference") == 4


def decode(image):
    data = base64.b64decode(image["src"].split(",")[1])
    width, height, rows, _ = png.Reader(bytes=data).read()
    assert (str(width), str(height)) == (image["width"], image["height"])
    return (height, width), tuple(value for row in rows for value in row)


def test_the_drawing_has_the_grids_of_both(unet):
    """5×6 → 10×12: align_corners reads at i · 5/11 along the columns, Upsample at min(5, i / 2)."""
    drawn = drawing.drawings(unet.findings[0])[0]
    assert drawn.axis == "columns"
    asked, before, after = drawn.lanes
    assert [mark.position for mark in asked.marks] == pytest.approx([i * 5 / 11 for i in range(12)])
    assert [mark.position for mark in before.marks] == [min(5, i / 2) for i in range(12)]
    assert [mark.position for mark in after.marks] == [mark.position for mark in asked.marks]
    assert (drawn.worst, drawn.shift) == (10, pytest.approx(5 - 50 / 11))
    centres = [x + drawn.cell / 2 for x, _ in drawn.pixels]
    for lane in drawn.lanes:
        for mark in lane.marks:
            assert mark.x == pytest.approx(centres[0] + mark.position * drawn.cell)


def test_long_axes_show_the_place_of_the_largest_shift(unet):
    drawn = drawing.drawings(unet.findings[2])[0]
    numbers = [number for _, number in drawn.pixels]
    assert len(numbers) < 31
    assert numbers[0] <= 30 - 0.5 <= numbers[-1] + 1
    assert "{} to {} of 31".format(numbers[0], numbers[-1]) in drawn.caption
    assert all(lane.marks for lane in drawn.lanes)


KINDS = {
    "several layers": lambda: audited(
        cases.named(HALF).path,
        manifest=cases.named(HALF).intents(),
        decompose=True,
    ),
    "nothing exact": lambda: audited(manifest=None, assume=assume.parse("bicubic")),
    "inventory": lambda: audited(manifest=None),
    "flexible": lambda: audited(
        cases.named("legacy_flexible_array").path, manifest=None, assume=assume.parse(CORNERS)
    ),
    "verdicts": lambda: report(*html.SIGNS),
}


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_report_is_a_page(kind):
    found = KINDS[kind]()
    shown = page(found)
    for finding in found.findings:
        assert finding.layer.address in shown.text
        assert (finding.verdict if found.asked else "listed") in shown.text
    if kind == "inventory":
        assert "· 4 listed" in shown.text
        assert "which equals TensorFlow 1 resize_bilinear" in shown.text
        assert "no-intent" not in shown.text
    if kind == "flexible":
        assert "varies" in shown.text
    if kind == "several layers":
        assert "more layer" in shown.text
        assert "multiply-adds" in shown.text
    if kind == "nothing exact":
        assert "What comes closest without it" in shown.text
        assert "an exact fix needs --decompose" in shown.text


def test_failures_and_the_rest_of_a_batch(unet):
    wrong = Failure(
        "bad.mlmodel", "`bad.mlmodel` is empty", "convert it again", details=("$.a: b",)
    )
    shown = page(wrong, unet, Failure(None, "the manifest is gone", "look for it"))
    for text in ("error: bad.mlmodel is empty", "$.a: b", "convert it again", "look for it"):
        assert text in shown.text
    assert "× bad.mlmodel is empty" in shown.text
    assert "2 models: 1 not as asked for, 1 failed" in shown.text.split("Skip")[0]
    assert "3 layers would be fixed" in shown.text


def test_numbers_of_outputs_do_not_touch(tmp_path):
    """4 → 6 reads two pixels twice: only the first output of each is numbered."""
    path = build.write(tmp_path, build.network((1, 4, 4), [build.NEAREST]))
    found = audited(path, manifest=None, assume=assume.parse("nearest,size=6x6"))
    asked = drawing.drawings(found.findings[0])[0].lanes[0]
    assert len(asked.marks) == 6
    numbered = [mark.x for mark in asked.marks if mark.numbered]
    assert len(numbered) == 4
    assert min(b - a for a, b in zip(numbered, numbered[1:])) >= 16


def test_a_recorded_tensor_is_shown_in_its_worst_channel(tmp_path):
    wanted = np.zeros((1, 2, 10, 12), np.float32)
    source = np.zeros((1, 2, 5, 6), np.float32)
    source[0, 1], wanted[0, 1] = 1, 3  # only the second channel differs from what a layer makes
    intent = replace(manifest.load(INTENT)[0], layer="29", index=0)
    tensors = {0: Recorded(source, wanted)}
    found = audited(manifest=[intent], tensors=tensors, verify=False)
    picture = found.findings[0].picture
    assert picture.recorded
    assert (picture.source == 1).all()
    assert (picture.wanted == 3).all()
    shown = page(replace(found, findings=found.findings[:1]))
    assert {image["alt"].split(", ")[1] for image in shown.of("img")} == {"the recorded tensor"}


@pytest.mark.slow
def test_many_layers_stay_small(unet):
    many = replace(unet, findings=unet.findings * 50)
    text = html.render(reports.run(many))
    assert len(Page(text).of("article")) == 200
    assert len(text) < 6 << 20
