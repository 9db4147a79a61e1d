"""Converted networks against what PyTorch recorded: `--reference`, before and after the fix.

Every expected error is PyTorch's own (tests/fixtures/make_reference.py), never the executor's.
"""

import os

import numpy as np
import pytest

from coreml_resize_fix import audit, fix, predict
from coreml_resize_fix.errors import UnmatchedError
from tests.cli.commands import run
from tests.report.json_v1 import check
from tests.run.reference_cases import FAULTS, Files
from tests.support.cases import read_bytes

JSON = ("--format", "json")
NOT_RESIZES = "that is not the resizes' doing"


@pytest.fixture(params=["unet", "image"])
def files(request, tmp_path):
    made = Files(request.param, tmp_path)
    if request.param == "image":
        _need_programs()
    return made


@pytest.fixture
def unet(tmp_path):
    return Files("unet", tmp_path)


def _need_programs():
    from coreml_resize_fix.formats.protobuf import schema

    if "mlProgram" not in schema.model_class().DESCRIPTOR.fields_by_name:
        pytest.skip("this coremltools has no ML Programs")


def checked(*arguments):
    """The exit code, and the one model of the report."""
    ran = run(*arguments, *JSON)
    check(ran.json)
    (model,) = ran.json["models"]
    return ran.code, model


def compared(files, *options):
    return checked(files.model, "-m", files.manifest, "--reference", files.tensors, *options)


def test_a_dry_run_says_how_far_the_file_is_off(files):
    code, model = compared(files, "-n")
    output, *others = model["network"]["outputs"]
    wrong = files.wrong["both"]
    assert code == 1
    assert output["max_abs_error_before"] == pytest.approx(wrong["max_abs_error"], rel=1e-4)
    assert (output["max_abs_error_after"], output["within_tolerance"]) == (None, False)
    assert output["magnitude"] == pytest.approx(np.abs(files.arrays["output_0"]).max())
    assert model["network"]["tolerance"] == 1e-3
    assert model["network"]["runtime"] == "numpy"
    assert model["network"]["not_run"] is None
    # The second output of `image` is before its resize.
    assert all(one["within_tolerance"] and one["max_abs_error_before"] < 1e-5 for one in others)
    assert model["network"]["first_drift"]["address"] == model["layers"][0]["address"]
    assert NOT_RESIZES not in model["network_details"]["message"]


def test_a_fix_makes_the_outputs_those_of_pytorch(files):
    code, model = compared(files)
    network = model["network"]
    assert (code, network["first_drift"]) == (0, None)
    for output in network["outputs"]:
        assert output["max_abs_error_after"] < 1e-5
        assert output["within_tolerance"]
    assert model["output"] is not None
    code, again = checked(model["output"], "-m", files.manifest, "--reference", files.tensors)
    assert (code, again["output"]) == (0, None)
    assert all(one["max_abs_error_after"] < 1e-5 for one in again["network"]["outputs"])


def test_what_each_wrong_resize_does_alone(unet):
    _, model = compared(unet, "-n")
    found = {one["name"]: one["outputs"][0] for one in model["network_details"]["wrong_resizes"]}
    assert set(found) == {"14", "18"}
    for name, part in (("14", "up0"), ("18", "up1")):
        wrong = unet.wrong[part]
        assert found[name]["max_abs_error"] == pytest.approx(wrong["max_abs_error"], rel=1e-4)
        assert found[name]["changed_pixels"] == wrong["changed_pixels"]
        assert found[name]["pixels"] == 12 * 16
    (right,) = model["network_details"]["with_intended_resizes"]
    assert right["max_abs_error"] < 1e-5


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_that_no_resize_makes_is_found_and_named(fault, unet):
    plant, drifts = FAULTS[fault]
    unet.change_model(plant)
    code, model = compared(unet, "-n")
    assert code == 1
    assert NOT_RESIZES in model["network_details"]["message"]
    code, model = compared(unet)
    network = model["network"]
    (output,) = network["outputs"]
    assert (code, output["within_tolerance"]) == (1, False)
    assert (output["max_abs_error_after"] is None) == (fault == "NaN")
    assert network["first_drift"]["name"] == drifts
    assert NOT_RESIZES in model["network_details"]["message"]
    # The resizes are right now, so the fix is there.
    assert {layer["verdict"] for layer in model["layers"]} == {"fixed"}
    assert os.path.exists(model["output"])


def shifted_bias(program):
    biases = [one for one in _constants(program) if "bias" in one.attributes["name"].immediateValue
              .tensor.strings.values[0]]  # fmt: skip
    assert biases
    for one in biases:
        values = one.attributes["val"].immediateValue.tensor.floats.values
        for index in range(len(values)):
            values[index] += 0.25


def swapped_colours(program):
    image = program.description.input[0].type.imageType
    image.colorSpace = 30 if image.colorSpace == 20 else 20  # BGR, RGB


def _constants(model):
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    return [one for one in block.operations if one.type == "const"]


@pytest.mark.parametrize("fault", [shifted_bias, swapped_colours])
def test_wrong_preprocessing_is_found_with_a_picture(fault, tmp_path):
    _need_programs()
    files = Files("image", tmp_path)
    files.change_model(fault)
    code, model = compared(files)
    assert (code, [one["within_tolerance"] for one in model["network"]["outputs"]]) == (
        1,
        [False] * 2,
    )
    assert NOT_RESIZES in model["network_details"]["message"]
    assert model["output"] is not None


def test_a_tensor_enters_behind_the_preprocessing_and_a_notice_says_so(tmp_path):
    _need_programs()
    files = Files("image", tmp_path)
    picture = files.arrays["input_image"]
    assert picture.dtype == np.uint8
    bias = np.float32([-1.9, -2.1, -1.7]).reshape(1, 3, 1, 1)
    files.change_arrays(input_image=np.float32(picture) / 64 + bias)
    files.change_model(swapped_colours)
    code, model = compared(files)
    assert code == 0
    assert any("color order were not checked" in notice for notice in model["notices"])


def test_a_fix_that_makes_an_output_worse_is_refused(unet):
    _, model = compared(unet)
    right = model["output"]
    wrong = '{"14": {"align_corners": false}, "18": {"align_corners": false}}'
    with open(unet.manifest, "w") as file:
        file.write(wrong)
    before = sorted(os.listdir(unet.folder))
    arguments = [right, "-m", unet.manifest, "--reference", unet.tensors]
    ran = run(*arguments, "--decompose", "-o", unet.path("out.mlmodel"))
    assert ran.code == 1
    assert "would make the output `18` worse" in ran.err
    assert sorted(os.listdir(unet.folder)) == before
    content = read_bytes(right)
    assert run(*arguments, "--decompose", "--in-place").code == 1
    assert read_bytes(right) == content


def test_another_fault_that_grows_beside_a_proved_fix_is_no_refusal(unet):
    """The recorded resizes say that the fix is right; without them the outputs alone speak."""
    arrays = unet.arrays
    made = predict(unet.model, {"image": arrays["input_image"][0]})["18"]
    farther = 2 * made - arrays["output_0"]  # the fix doubles its distance from this
    unet.change_arrays(output_0=farther)
    code, model = compared(unet)
    (output,) = model["network"]["outputs"]
    assert output["max_abs_error_after"] == pytest.approx(2 * output["max_abs_error_before"], 1e-4)
    assert (code, model["output"] is not None) == (1, True)
    assert NOT_RESIZES in model["network_details"]["message"]
    unet.change_arrays(**{name: None for name in arrays if name.startswith("interp")})
    os.remove(model["output"])
    ran = run(unet.model, "-m", unet.manifest, "--reference", unet.tensors)
    assert (ran.code, "would make the output `18` worse" in ran.err) == (1, True)


def test_a_reference_without_a_manifest_is_a_check(unet):
    code, model = checked(unet.model, "--reference", unet.tensors)
    assert (code, model["output"]) == (1, None)
    assert "pass `--manifest`" in model["network_details"]["message"]
    right = compared(unet)[1]["output"]
    code, model = checked(right, "--reference", unet.tensors)
    assert (code, model["network"]["outputs"][0]["max_abs_error_after"]) == (0, None)
    assert {layer["verdict"] for layer in model["layers"]} == {"no-intent"}


def test_a_network_without_resizes_is_checked_too(unet):
    unet.change_model(_keep_first)
    expected = np.maximum(unet.arrays["input_image"], 0)
    unet.change_arrays(output_0=expected)
    for arguments in ((), ("--assume", "bilinear,align_corners=true")):
        code, model = checked(unet.model, "--reference", unet.tensors, *arguments)
        assert (code, model["layers"]) == (0, [])
    unet.change_arrays(output_0=expected + 1)
    assert checked(unet.model, "--reference", unet.tensors)[0] == 1


def _keep_first(model):
    """The network becomes one ReLU."""
    del model.neuralNetwork.layers[:]
    one = model.neuralNetwork.layers.add(name="relu", input=["image"], output=["18"])
    one.activation.ReLU.SetInParent()
    shape = model.description.input[0].type.multiArrayType.shape
    output = model.description.output[0].type.multiArrayType
    del output.shape[:]
    output.shape.extend(shape)


EXTRA = {"mode": "bilinear", "align_corners": True, "size": [5, 7], "input_size": [2, 3]}


def test_outputs_that_are_right_explain_a_call_without_a_layer(unet):
    unet.change_manifest(lambda document: document["resizes"].append(dict(EXTRA, name="gone")))
    assert checked(unet.model, "-m", unet.manifest)[1]["unused_intents"] == ["gone"]
    code, model = compared(unet)
    reasons = {one["intent"]: one["reason"] for one in model["intents_without_layer"]}
    assert (code, reasons) == (0, {"gone": "computed-elsewhere"})
    assert os.path.exists(model["output"])


def test_outputs_that_are_wrong_explain_nothing(unet):
    unet.change_manifest(lambda document: document["resizes"].append(dict(EXTRA, name="gone")))
    unet.change_model(FAULTS["wrong weight"][0])
    before = sorted(os.listdir(unet.folder))
    code, model = compared(unet)
    assert (code, model["output"], model["unused_intents"]) == (1, None, ["gone"])
    assert NOT_RESIZES not in model["network_details"]["message"]
    assert sorted(os.listdir(unet.folder)) == before


def test_what_cannot_be_computed_is_named_and_no_success(unet):
    def custom(model):
        found = next(
            one for one in model.neuralNetwork.layers if one.WhichOneof("layer") == "pooling"
        )
        found.custom.className = "Mystery"

    unet.change_model(custom)
    code, model = compared(unet)
    assert code == 1
    stopped = model["network"]["not_run"]
    assert stopped["address"] == "layers[0]"
    assert "custom" in stopped["reason"]
    (output,) = model["network"]["outputs"]
    assert (output["max_abs_error_before"], output["within_tolerance"]) == (None, False)


def test_the_tolerance_is_a_share_of_the_magnitude(unet):
    output = compared(unet, "-n")[1]["network"]["outputs"][0]
    share = output["max_abs_error_before"] / output["magnitude"]
    for factor, expected in ((1.01, 0), (0.99, 1)):
        given = ("--reference", unet.tensors, "--tolerance", share * factor)
        assert checked(unet.model, *given)[0] == expected


def test_the_python_interface_takes_a_path_or_a_recording(unet):
    report = audit(unet.model, unet.manifest, reference=unet.tensors)
    assert (report.exit_code, report.network.holds) == (1, False)
    from coreml_resize_fix import Manifest

    intents = Manifest.load(unet.manifest)
    result = fix(unet.model, intents, reference=intents, output=unet.path("out.mlmodel"))
    assert audit(result, intents, reference=intents).exit_code == 0
    assert audit(result, intents, reference=intents, tolerance=0.0).exit_code == 1
    unet.change_model(FAULTS["wrong bias"][0])
    with pytest.raises(UnmatchedError, match="not the resizes' doing") as caught:
        fix(unet.model, intents, reference=intents, force=True)
    assert os.path.exists(caught.value.report.output)


def test_text_and_markdown_say_it_in_a_few_lines(unet):
    arguments = [unet.model, "-m", unet.manifest, "--reference", unet.tensors, "-n"]
    for style in ("text", "markdown"):
        told = " ".join(run(*arguments, "--format", style).out.split()).replace("\\", "")
        assert "`18` is not as the reference has it" in told
        assert "error 0.12 as it is" in told
        assert "`18` 0.12 (14.6% of pixels in another class), `14` 0.04" in told


def test_the_page_has_the_same_numbers(unet):
    page = unet.path("report.html")
    run(unet.model, "-m", unet.manifest, "--reference", unet.tensors, "-n", "--report", page)
    with open(page, encoding="utf-8") as file:
        content = file.read()
    assert "What the network computes" in content
    assert '<td class="number">0.12</td>' in content
