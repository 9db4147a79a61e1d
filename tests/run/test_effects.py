"""What wrong resizes do to the outputs, measured without a reference: on a seeded test image."""

import re

import numpy as np
import pytest

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.verify import effects, probes
from tests.cli.commands import CORNERS, INTENT, MERGED, RIGHT, UNET, model, run, truth
from tests.report.json_v1 import check
from tests.run.reference_cases import Files
from tests.support import build

MEASURED = "measured on a test image, not on real data"
NOT_MEASURED = "what the wrong resizes do to the outputs was not measured"


def audited(*arguments):
    """The one model of a dry run's JSON."""
    ran = run(*arguments, "-n", "--format", "json")
    check(ran.json)
    return ran.json["models"][0]


def told(*arguments):
    return " ".join(run(*arguments, "-n").out.split())


def measured(path, intents, tell=lambda *_: None, **options):
    request = pipeline.Request(manifest=intents, dry_run=True, verbose=True, **options)
    return pipeline.process(path, request, tell).effects


def interpolated(maps, at, axis):
    """Maps read at float positions along an axis."""
    low = np.minimum(np.floor(at).astype(int), maps.shape[axis] - 1)
    high = np.minimum(low + 1, maps.shape[axis] - 1)
    weight = (at - low).reshape((-1, 1) if axis == -2 else (-1,))
    return np.take(maps, low, axis) * (1 - weight) + np.take(maps, high, axis) * weight


def doubled(maps, is_right):
    """Twice as large: with both ends in place, or as a layer that reads at i / 2."""
    for axis in (-2, -1):
        count = maps.shape[axis]
        at = np.arange(2 * count)
        at = at * (count - 1) / (2 * count - 1) if is_right else np.minimum(at / 2, count - 1)
        maps = interpolated(maps, at, axis)
    return maps


def is_tie(scores):
    first, second = np.sort(scores, axis=0)[:-3:-1]
    return first - second < 1e-6


def expected(image, stages):
    made = image
    for is_right in stages:
        made = doubled(made, is_right)
    return made


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_each_wrong_resize_of_a_chain(seed, tmp_path):
    """What is wrong in the file, and how far that is off, computed from formulas alone."""
    random = np.random.RandomState(seed)
    shape = random.randint(1, 5), random.randint(2, 8), random.randint(2, 8)
    wrong = [bool(value) for value in random.randint(0, 2, random.randint(1, 4))]
    sizes = [(shape[1] << n + 1, shape[2] << n + 1) for n in range(len(wrong))]
    strict = (
        "resizeBilinear {{ targetSize: {} targetSize: {} mode {{ samplingMethod: "
        "STRICT_ALIGN_ENDPOINTS_MODE }} }}"
    )
    layers = [build.DOUBLE if bad else strict.format(*at) for bad, at in zip(wrong, sizes)]
    path = build.write(tmp_path, build.network(shape, layers, version=3))
    found = measured(path, [Intent(align_corners=True, size=size) for size in sizes])
    if not any(wrong):
        assert found is None
        return
    image = probes.examples({"image": (shape, np.dtype(np.float32))})["image"]
    right = expected(image, [True] * len(wrong))
    bad = [number for number, is_wrong in enumerate(wrong) if is_wrong]
    assert (found.on_test_image, found.not_run) == (True, None)
    assert [one.address for one in found.alone] == [f"layers[{number}]" for number in bad]
    for numbers, effect in [(bad, found.together[0])] + [
        ([number], one.outputs[0]) for number, one in zip(bad, found.alone)
    ]:
        made = expected(image, [number not in numbers for number in range(len(wrong))])
        assert effect.max_abs_error == pytest.approx(np.abs(made - right).max(), abs=1e-5)
        assert effect.magnitude == pytest.approx(np.abs(right).max(), abs=1e-5)
        if shape[0] == 1:
            assert (effect.changed_pixels, effect.pixels) == (None, None)
        else:
            changed = made.argmax(0) != right.argmax(0)
            ties = is_tie(made) | is_tie(right)  # either class will do in float32
            assert (changed & ~ties).sum() <= effect.changed_pixels <= (changed | ties).sum()
            assert effect.pixels == right[0].size


def test_a_reference_and_a_test_image_are_measured_alike(tmp_path, monkeypatch):
    """On the recorded input the errors are those that PyTorch told, either way."""
    files = Files("unet", tmp_path)
    by_reference = audited(files.model, "-m", files.manifest, "--reference", files.tensors)
    recorded = {"image": files.arrays["input_image"]}
    monkeypatch.setattr(probes, "examples", lambda wanted: recorded)
    by_image = audited(files.model, "-m", files.manifest, "-v")
    assert by_image["network"] is by_image["network_details"] is None
    assert by_reference["effects"]["inputs"] == "reference"
    assert by_image["effects"] == {**by_reference["effects"], "inputs": "test-image"}
    alone = by_image["effects"]["wrong_resizes"]
    assert alone == by_reference["network_details"]["wrong_resizes"]
    errors = [one["outputs"][0]["max_abs_error"] for one in alone]
    wrong = [files.wrong[part]["max_abs_error"] for part in ("up0", "up1")]
    assert errors == pytest.approx(wrong, rel=1e-4)
    (together,) = by_image["effects"]["outputs"]
    wrong = files.wrong["both"]["max_abs_error"]
    assert together["max_abs_error"] == pytest.approx(wrong, rel=1e-3)


def test_a_network_that_cannot_run_as_it_is_is_measured_in_the_right_one():
    found = audited(UNET, "-m", INTENT, "-v")["effects"]
    (output,) = found["outputs"]
    assert (output["max_abs_error"], found["not_run"]) == (None, None)
    alone = {one["name"]: one["outputs"][0] for one in found["wrong_resizes"]}
    assert alone["34"]["max_abs_error"] is None  # of another size than what it is joined with
    assert all(0 < alone[name]["changed_pixels"] < 3100 for name in ("29", "39"))
    text = told(UNET, "-m", INTENT, "-v")
    assert f"{MEASURED}: how far the outputs are from" in text
    assert "`scores` in the file as it is: cannot be computed; its values go up to" in text
    assert re.search(r"`scores` by `39` alone: 0\.\d+ \(\d\.\d% of pixels in another class\)", text)


@pytest.mark.slow
def test_only_who_asks_pays(tmp_path, monkeypatch):
    """Else the summed shift is the answer; a page shows the measured one, and prints as before."""

    def fail(*_):
        raise AssertionError("the network was run")

    page = str(tmp_path / "page.html")
    plain = run(UNET, "-m", INTENT, "-n", "--verify").out
    assert run(UNET, "-m", INTENT, "-n", "--report", page).out == plain
    with open(page, encoding="utf-8") as file:
        assert "Measured on a test image, not on real data" in file.read()
    assert "is moved by" not in told(UNET, "-m", INTENT, "-v")
    monkeypatch.setattr(effects, "on_test_image", fail)
    for more in ((), ("--verify",), ("-v", "--no-verify"), ("--no-verify", "--report", page)):
        assert audited(UNET, "-m", INTENT, *more)["effects"] is None
        text = told(UNET, "-m", INTENT, *more)
        assert "summed over 2 resizes" in text
        assert "measured" not in text
    assert (
        audited(model(RIGHT, tmp_path), "--assume", CORNERS, "-v")["effects"] is None
    )  # nothing is wrong
    assert audited(UNET, "-v")["effects"] is None  # an inventory
    with pytest.raises(AssertionError, match="was run"):
        run(UNET, "-m", INTENT, "-n", "-v")


def test_without_a_call_that_is_known_nothing_is_measured(tmp_path):
    found = audited(model(MERGED, tmp_path), "-m", truth(MERGED, tmp_path), "-v")
    assert [layer["verdict"] for layer in found["layers"]] == ["ambiguous"]
    assert found["effects"] is None


DOUBLES = [build.DOUBLE, build.RELU]


def custom(network):
    network.neuralNetwork.layers[1].custom.className = "Mystery"


def mean_image(network):
    picture(network)
    network.neuralNetwork.preprocessing.add(featureName="image").meanImage.meanImage.append(1)


def picture(network):
    image = network.description.input[0].type.imageType
    image.width, image.height, image.colorSpace = 8, 6, 20  # RGB


def text_input(network):
    network.description.input.add(name="words").type.stringType.SetInParent()


def shape_of(*sizes):
    def change(network):
        array = network.description.input[0].type.multiArrayType
        del array.shape[:]
        array.shape.extend(sizes)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (custom, "(`layers[1]`) is a `custom` layer, which is not known here"),
        (text_input, "the input `words` takes no numbers"),
        (mean_image, "has a mean image, not known here"),
        (shape_of(5000, 100, 100), "the input `image` takes 50000000 numbers, more than"),
        (shape_of(2, 0, 8), "the input `image` declares no size"),
        (shape_of(), "the input `image` declares no size"),
        (shape_of(2, 2, 2, 6, 8, 8), "is an input of rank 6"),
    ],
)
def test_what_cannot_be_run_says_why_in_a_line(change, reason, tmp_path):
    network = build.network((2, 6, 8), DOUBLES, version=3)
    change(network)
    path = build.write(tmp_path, network)
    arguments = (path, "--assume", "bilinear,align_corners=true,size=12x16", "-v")
    text = told(*arguments)
    assert f"{NOT_MEASURED}: " in text
    assert reason in text
    assert MEASURED not in text
    found = audited(*arguments)["effects"]
    assert (found["outputs"], found["wrong_resizes"]) == ([], [])
    assert found["not_run"]["reason"] in text
    if change is mean_image:
        assert "summed over 1 resize" in text
    page = str(tmp_path / "page.html")
    run(*arguments[:-1], "-n", "--report", page)
    with open(page, encoding="utf-8") as file:
        assert "was not measured" in file.read()


def test_a_call_that_names_no_size_keeps_the_layers_own(tmp_path):
    path = build.write(tmp_path, build.network((2, 6, 8), [build.DOUBLE], version=3))
    named = measured(path, [Intent(align_corners=True, size=(12, 16))])
    assert measured(path, None, assume=Intent(align_corners=True)) == named
    assert named.together[0].max_abs_error > 0


def test_a_resize_without_a_call_stays_as_it_is(tmp_path):
    path = build.write(tmp_path, build.network((2, 6, 8), [build.DOUBLE] * 2, version=3))
    found = measured(path, [Intent(layer="layers[0]", align_corners=True, size=(12, 16))])
    image = probes.examples({"image": ((2, 6, 8), np.dtype(np.float32))})["image"]
    error = np.abs(expected(image, [True, False]) - expected(image, [False, False])).max()
    assert [one.address for one in found.alone] == ["layers[0]"]
    assert found.together[0].max_abs_error == pytest.approx(error, abs=1e-5)


def test_a_flexible_network_is_run_at_its_default_size(tmp_path):
    """The call was recorded at 3×4; what it makes of 6×8 follows from its factor."""
    network = build.network((2, 6, 8), [build.DOUBLE], version=4)
    sizes = network.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((2, 2), (2, 64), (2, 64)):
        sizes.add(lowerBound=low, upperBound=high)
    path = build.write(tmp_path, network)
    intent = Intent(align_corners=True, size=(6, 8), input_size=(3, 4), output_size=(6, 8))
    (effect,) = measured(path, [intent]).together
    assert effect.pixels == 12 * 16
    image = probes.examples({"image": ((2, 6, 8), np.dtype(np.float32))})["image"]
    error = np.abs(doubled(image, True) - doubled(image, False)).max()
    assert effect.max_abs_error == pytest.approx(error, abs=1e-5)


def test_a_resize_on_which_no_output_depends_is_left_out(tmp_path):
    network = build.network((2, 6, 8), [build.DOUBLE], version=3)
    build.named(network.neuralNetwork, [("dead", ["image"], "nowhere", build.DOUBLE)])
    path = build.write(tmp_path, network)
    (alone,) = measured(path, None, assume=Intent(align_corners=True)).alone
    assert alone.address == "layers[0]"


def test_of_several_functions_the_default_one_is_run(tmp_path):
    pytest.importorskip(
        "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
    )

    def describe_two(program):
        functions, told = program.mlProgram.functions, program.description
        functions["other"].CopyFrom(functions["main"])
        for name in ("main", "other"):
            one = told.functions.add(name=name)
            one.input.extend(told.input)
            one.output.extend(told.output)
        told.defaultFunctionName = "main"
        del told.input[:], told.output[:]
        program.specificationVersion = 9

    files = Files("image", tmp_path)
    files.change_model(describe_two)
    found = audited(files.model, "--assume", CORNERS, "-v")
    assert [layer["address"][:5] for layer in found["layers"]] == ["main/", "other"]
    (alone,) = found["effects"]["wrong_resizes"]
    assert alone["address"] == found["layers"][0]["address"]
    assert alone["outputs"][0]["max_abs_error"] > 0


def test_an_image_goes_through_the_preprocessing(tmp_path):
    """A picture of 0 to 255 enters, so that the values behind it are those of real pictures."""
    network = build.network((3, 6, 8), [build.DOUBLE], version=3)
    picture(network)
    network.neuralNetwork.preprocessing.add(featureName="image").scaler.channelScale = 2.0
    path = build.write(tmp_path, network)
    (effect,) = measured(path, None, assume=Intent(align_corners=True)).together
    entered = probes.examples({"image": ((3, 6, 8), np.dtype(np.uint8))})["image"]
    assert effect.magnitude == pytest.approx(doubled(2.0 * entered, True).max(), rel=1e-5)


def test_all_runs_are_one_progress(tmp_path):
    layers, heard = [build.DOUBLE, build.RELU, build.DOUBLE], []
    path = build.write(tmp_path, build.network((2, 6, 8), layers, version=3))
    assume = Intent(align_corners=True)
    measured(path, None, lambda *what: heard.append(what), verify=None, assume=assume)
    # As PyTorch has both, as it is, and each of two alone: four runs of three layers.
    assert heard == [(done, 12, "measuring", "layer") for done in range(1, 13)]
