"""The page of a network with a reference: its line, its outputs, its errors."""

import base64
import io
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import png
import pytest

from coreml_resize_fix import Intent, fix, predict
from coreml_resize_fix.auditing.line import line
from coreml_resize_fix.formats.model import Network, Node
from coreml_resize_fix.intents import manifest, reference
from coreml_resize_fix.report import html
from coreml_resize_fix.report.drift import drift
from coreml_resize_fix.report.palette import COLORS
from coreml_resize_fix.run import pipeline, read_reference
from coreml_resize_fix.verify.overview import ResizeError
from tests.report import reports
from tests.report.pages import Page
from tests.run.reference_cases import Files
from tests.support.cases import UNET

# Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency" (2009), severity 1, on linear RGB.
VISIONS = {
    "all": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def checked(files, **options):
    intents = manifest.load(files.manifest)
    request = pipeline.Request(pictures=True, reference=files.tensors, **options)
    return pipeline.process(files.model, request.with_manifest(intents))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files("unet", tmp_path_factory.mktemp("overview"))


@pytest.fixture(scope="module")
def fixed(files):
    return checked(files)


def rendered(report):
    return Page(html.render(reports.run(report, dry_run=report.output is None)))


def pixels(page, title):
    """[H, W, 3] of the picture of an output with that title; [H, W, 4] of a difference."""
    (found,) = [image for image in page.of("img") if image["alt"] == f"18, {title}"]
    data = base64.b64decode(found["src"].split(",")[1])
    width, height, rows, _ = png.Reader(file=io.BytesIO(data)).read()
    return np.array([list(row) for row in rows]).reshape(height, width, -1)


def test_the_outputs_before_after_and_as_they_should_be(files, fixed):
    page = rendered(fixed)
    wanted = files.arrays["output_0"][0]
    before = predict(files.model, {"image": files.arrays["input_image"]})["18"].reshape(4, 12, 16)
    grey, blue, orange, green = (187, 187, 187), (0, 114, 178), (230, 159, 0), (0, 158, 115)
    colors = np.array([grey, blue, orange, green])
    assert (pixels(page, "as the framework has it") == colors[wanted.argmax(axis=0)]).all()
    assert (pixels(page, "before") == colors[before.argmax(axis=0)]).all()
    assert (pixels(page, "after the fix") == pixels(page, "as the framework has it")).all()
    assert (pixels(page, "before") != pixels(page, "after the fix")).any()
    off = abs(before.astype(float) - wanted).max(axis=0)
    # The more it is off, the less the ground shows through.
    expected = 255 * off / off.max()
    assert abs(pixels(page, "difference before")[..., 3] - expected).max() <= 1
    assert "✓ no difference difference after" in page.text
    assert "difference: 0 {:.2g} (in scores".format(off.max()) in page.text
    changed = files.wrong["both"]["changed_pixels"]
    assert f"Before: {changed} of 192 pixels in another class. After: 0 of 192" in page.text


def test_the_line_has_every_resize_and_what_lies_between(fixed):
    page = rendered(fixed)
    text = "input image 6 operations 14 ✓ fixed 3×4 → 6×8 2 operations 18 ✓ fixed 6×8 → 12×16"
    assert text + " output 18" in page.text
    targets = [each["href"] for each in page.of("a")]
    assert targets.count("#m1-l1") >= 2
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_errors_along_the_network(files, fixed):
    errors = fixed.overview.errors
    assert [one.address for one in errors] == ["layers[6]", "layers[9]"]
    assert all(one.before > 0.05 and one.after < 1e-6 for one in errors)
    made = predict(files.model, {"image": files.arrays["input_image"]})["18"].reshape(4, 12, 16)
    # The last resize makes the output.
    off = abs(made.astype(float) - files.arrays["interp1_out"][0]).max()
    assert errors[1].before == pytest.approx(off)


def test_a_dry_run_has_no_result(tmp_path):
    report = checked(Files("unet", tmp_path), dry_run=True)
    page = rendered(report)
    assert [image["alt"] for image in page.of("img") if image["alt"].startswith("18,")] == [
        "18, before",
        "18, as the framework has it",
        "18, difference before",
    ]
    assert "error after" not in page.text.split("The same in numbers")[1].split("Which layer")[0]


def test_a_file_that_does_not_run_has_no_picture_before(fixed):
    (output,) = fixed.overview.pictures
    seen = fixed.overview._replace(pictures=(output._replace(before=None, off_before=None),))
    page = rendered(replace(fixed, overview=seen))
    assert "18, before" not in [image["alt"] for image in page.of("img")]
    assert "The file as it is does not make this output" in page.text
    # What is left of the difference is rounding of float32.
    assert "no difference to the reference but rounding" in page.text
    assert "✓ no difference difference after" in page.text


def test_before_of_a_file_that_stops_has_what_stops_it_right(tmp_path):
    """README's U-Net: `34` makes another size than its skip connection has."""
    model = os.path.join(UNET, "unet.mlmodel")
    recorded = os.path.join(UNET, "unet.reference.npz")
    intents = manifest.load(os.path.join(UNET, "unet.intent.json"))
    given = pipeline.Request(dry_run=True, pictures=True, reference=recorded)
    report = pipeline.process(model, given.with_manifest(intents))
    (output,) = report.overview.pictures
    assert output.right_before == ("34",)
    only = [Intent(layer="34", align_corners=True, size=(25, 31))]
    partly = fix(model, only, output=str(tmp_path / "partly.mlmodel"), partial=True)
    with np.load(recorded) as arrays:
        made = predict(partly, {"image": arrays["input_image"]})["scores"]
    assert (output.before == made.reshape(-1, 50, 62).argmax(axis=0)).all()
    assert (output.before != output.wanted).any()
    page = rendered(report)
    assert "scores, before" in [image["alt"] for image in page.of("img")]
    assert "Before is what it makes with 34 right" in page.text


def test_without_pictures_nothing_is_kept(tmp_path):
    files = Files("unet", tmp_path)
    request = pipeline.Request(dry_run=True, reference=files.tensors)
    assert pipeline.process(files.model, request).overview is None


def test_onnx_has_errors_of_resizes_and_the_same_first_drift(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime")
    files = Files("image", tmp_path)
    intents = manifest.load(files.manifest)
    request = pipeline.Request(dry_run=True, reference=files.path("net.onnx"))
    plain = pipeline.process(files.model, request.with_manifest(intents))
    shown = pipeline.process(files.model, replace(request, pictures=True).with_manifest(intents))
    assert shown.network == plain.network
    # The other output is a list of numbers.
    assert [one.name for one in shown.overview.pictures] == ["scores"]


def test_resizes_of_an_onnx_file_that_the_model_has_too(files, monkeypatch, tmp_path):
    arrays = files.arrays
    inner = {"14": arrays["interp0_out"], "18": arrays["interp1_out"]}

    def compute(names):
        return {name: inner[name] for name in names}

    blobs = reference.Blobs({"14": True, "18": True}, compute)
    given = reference.Reference(
        "net.onnx", {"image": arrays["input_image"]}, {"18": arrays["output_0"]}, {}, blobs
    )
    monkeypatch.setattr(read_reference, "read", lambda *_: given)
    report = checked(Files("unet", tmp_path))
    first, last = report.overview.errors
    assert (first.address, last.address) == ("layers[6]", "layers[9]")
    assert last.before == pytest.approx(files.wrong["both"]["max_abs_error"])
    assert max(first.after, last.after) < 1e-6 < first.before


def test_names_are_text(fixed):
    evil = "<script>alert(1)</script>`"
    seen = fixed.overview
    seen = seen._replace(
        line=seen.line._replace(inputs=(evil,), outputs=(evil,)),
        pictures=tuple(one._replace(name=evil) for one in seen.pictures),
    )
    layers = [replace(f, layer=replace(f.layer, name=evil)) for f in fixed.findings]
    text = html.render(reports.run(replace(fixed, overview=seen, findings=tuple(layers))))
    page = Page(text)
    assert len(page.scripts) == 1
    assert "alert" not in page.scripts[0]
    assert page.text.count(evil) >= 5
    assert f"{evil}, before" in [image["alt"] for image in page.of("img")]


def test_many_names_and_many_outputs_are_told_by_number(fixed):
    seen = fixed.overview
    names = tuple(f"n{k}" for k in range(40))
    seen = seen._replace(line=seen.line._replace(inputs=names, outputs=names), more=34)
    text = rendered(replace(fixed, overview=seen)).text
    assert "n5" in text
    assert "n6" not in text
    assert "and 34 more inputs" in text
    assert "and 34 more outputs" in text
    assert "And 34 more outputs with pictures" in text


def test_a_long_network_is_counted_and_not_drawn():
    nodes = [Node(f"layers[{k}]", [f"b{k}"], [f"b{k + 1}"]) for k in range(5000)]
    model = SimpleNamespace(
        networks=[Network("", nodes, ["b0"], ["b5000"], [])],
        parts=lambda addresses: {*addresses, "layers[101]", "layers[102]"},
    )
    found = [SimpleNamespace(layer=SimpleNamespace(address=f"layers[{k}]")) for k in (0, 100, 4000)]
    drawn = line(model, found, ["x"], ["y"])
    # 99 before the second; 3899 before the third, of which 2 belong to the second; 999 behind.
    assert [one.operations for one in drawn.stations] == [0, 99, 3897]
    assert (drawn.behind, drawn.inputs, drawn.outputs) == (999, ("x",), ("y",))


def test_unknown_errors_break_the_line():
    values = [1.0, 0.5, None, 0.25, 0.0, None]
    drawn = drift([ResizeError(str(k), value, None) for k, value in enumerate(values)], False)
    (side,) = drawn.sides
    assert [point.number for point in side.points] == [1, 2, 4, 5]
    heights = [(drawn.bottom - p.y) / (drawn.bottom - drawn.top) for p in side.points]
    assert heights == pytest.approx([1.0, 0.5, 0.25, 0.0])
    assert len(side.lines) == 2
    assert drift([ResizeError("a", None, None)], True) is None


@pytest.mark.parametrize("vision", sorted(VISIONS))
def test_the_first_classes_are_told_apart_with_any_color_vision(vision):
    values = np.array(COLORS[:8]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = lab((linear @ np.array(VISIONS[vision]).T).clip(0, 1))
    apart = [np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]]
    # Ten times what is just noticed.
    assert min(apart) > 10 * 1.0
    assert len(set(COLORS)) == len(COLORS) == 32


def lab(linear):
    """CIE L*a*b* of linear sRGB, white D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(matrix).T / [0.9505, 1.0, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
