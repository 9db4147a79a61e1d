"""What a fix inside of a pipeline changes in the pipeline around it."""

import pytest

from coreml_resize_fix.intents.model import Intent
from tests.support import build, edits
from tests.support.build import RELU, TRUNCATED
from tests.support.fixing import OUTPUT, RESIZE, STRICT, array, fixed


def pipeline_of(depth, output, kind):
    """RELU, then a truncated resize, inside `depth` pipelines that declare its output too."""
    first = build.network([2, 6, 8], [RELU], names=("image", "maps"))
    model = build.network([2, 6, 8], [TRUNCATED], output=output, names=("maps", "scores"))
    for level in range(depth):
        models = [first, model] if level == 0 else [model]
        model = build.pipeline(models, kind=kind if level == depth - 1 else "pipeline")
    return model


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [("pipeline", (202,)), ("pipelineClassifier", (200, 1)), ("pipelineRegressor", (201, 1))],
)
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("size", [(9, 12), (135, 160)])
def test_every_pipeline_around_declares_the_new_size_and_version(size, depth, kind, numbers):
    model = pipeline_of(depth, array(2, 6, 8), kind)
    expected = pipeline_of(depth, array(2, *size), kind)
    address = "pipeline[0]/" * (depth - 1) + "pipeline[1]/layers[0]"
    edits.apply(expected, {address: edits.strict(*size)})
    place = edits.locate(edits.parse(model.SerializeToString()), address)
    assert place.model_paths[1][:-1] == tuple((number, 0) for number in numbers)
    allowed = edits.changed_fields(edits.parse(model.SerializeToString()), [address])
    allowed += [path + OUTPUT for path in place.model_paths]
    assert len(allowed) == 1 + 2 * (depth + 1)
    fixed(model, allowed, expected, Intent(align_corners=True, size=size))


def test_a_size_that_stays_inside_a_pipeline_moves_no_output_of_the_whole():
    """The first model's output is mended; the second one was declared from the true size."""

    def model(output):
        first = build.network([2, 6, 8], [TRUNCATED], 3, output=output, names=("image", "maps"))
        second = build.network([2, 9, 12], [RELU], 3, output=array(2, 9, 12), names=("maps", "out"))
        return build.pipeline([first, second], version=3)

    expected = edits.apply(model(array(2, 9, 12)), {"pipeline[0]/layers[0]": STRICT})
    inside = (202, 0), (1, 0)
    fixed(model(array(2, 6, 8)), [inside + OUTPUT, inside + RESIZE], expected)


def test_two_models_that_write_a_feature_of_the_same_name():
    """The first one is mended; what the pipeline gives comes from the second."""

    def model(output):
        first = build.network([2, 6, 8], [TRUNCATED], 3, output=output)
        second = build.network([2, 6, 8], [RELU], 3, output=array(2, 6, 8))
        return build.pipeline([first, second], version=3)

    expected = edits.apply(model(array(2, 9, 12)), {"pipeline[0]/layers[0]": STRICT})
    inside = (202, 0), (1, 0)
    fixed(model(array(2, 6, 8)), [inside + OUTPUT, inside + RESIZE], expected)


@pytest.mark.parametrize(("version", "after"), [(1, 3), (2, 3), (3, 3), (4, 4)])
def test_the_version_told_is_that_of_the_whole(version, after):
    child = build.network([2, 6, 8], [TRUNCATED], version=1)
    model = build.pipeline([child], version=version)
    expected = edits.apply(build.pipeline([child], version), {"pipeline[0]/layers[0]": STRICT})
    inside = (202, 0), (1, 0)
    allowed = [inside + ((1, 0),), inside + RESIZE] + ([((1, 0),)] if version < 3 else [])
    report = fixed(model, allowed, expected)
    assert (report.spec_before, report.spec_after) == (version, after)
    assert expected.specificationVersion == after
