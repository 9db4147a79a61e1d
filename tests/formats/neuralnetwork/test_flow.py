"""Sizes that flow between the models of a pipeline."""

import pytest

from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline as api


def pipeline(path, second_input):
    """maps -> doubled (by an Upsample) -> result; the second model declares what it gets."""
    model = schema.model_class()()
    model.specificationVersion = 3
    shapes = ((1, 4, 4), second_input)
    names = ("maps", "doubled", "result")
    for index, shape in enumerate(shapes):
        child = model.pipeline.models.add()
        child.specificationVersion = 3
        feature = child.description.input.add()
        feature.name = names[index]
        feature.type.multiArrayType.shape.extend(shape)
        child.description.output.add().name = names[index + 1]
        layer = child.neuralNetwork.layers.add()
        layer.name = "layer{}".format(index)
        layer.input.append(names[index])
        layer.output.append(names[index + 1])
        if index == 0:
            layer.upsample.scalingFactor.extend((2, 2))
            layer.upsample.mode = 1
        else:
            layer.activation.ReLU.SetInParent()
    model.description.input.add().name = names[0]
    model.description.output.add().name = names[-1]
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def test_a_fix_that_the_next_model_cannot_take_is_refused(tmp_path):
    path = str(tmp_path / "model.mlmodel")
    pipeline(path, (1, 8, 8))
    request = api.Request(manifest=[Intent(align_corners=True, size=(9, 9))])
    with pytest.raises(ProofError, match="declared as 1×8×8 and gets 1×9×9"):
        api.process(path, request)
    assert [item.name for item in tmp_path.iterdir()] == ["model.mlmodel"]


def test_a_pipeline_that_a_truncated_factor_broke_is_mended(tmp_path):
    path = str(tmp_path / "model.mlmodel")
    pipeline(path, (1, 9, 9))
    request = api.Request(manifest=[Intent(align_corners=True, size=(9, 9))])
    report = api.process(path, request)
    assert report.exit_code == 0
    assert any(
        "declared as 1×9×9 and gets 1×8×8; the fix repairs it" in note for note in report.notices
    )


def test_a_fix_of_the_same_size_passes(tmp_path):
    path = str(tmp_path / "model.mlmodel")
    pipeline(path, (1, 8, 8))
    report = api.process(path, api.Request(manifest=[Intent(align_corners=True, size=(8, 8))]))
    assert report.exit_code == 0
