"""What an audit makes of blobs of every rank, and of sides at the end of what it compares."""

import pytest

from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline
from tests.support import build

HALF = "bilinear,align_corners=false,size=9x12"


def finding(model, ask=HALF, **options):
    options.setdefault("dry_run", True)
    request = pipeline.Request(assume=assume.parse(ask), verify=None, **options)
    (found,) = pipeline.process_bytes(model.SerializeToString(), "model", request)[0].findings
    return found


def test_a_blob_without_channels_is_no_image_and_no_defect():
    model = build.network([6, 8], [build.DOUBLE], version=4, mapping=build.EXACT)
    found = finding(model)
    assert found.layer.input.kind == "unknown"
    assert found.layer.channels is None


@pytest.mark.parametrize(
    ("sequence", "name"), [(1, "CropResize"), (2, "1×1 convolution")], ids=["one", "two"]
)
def test_a_sequence_has_no_box(sequence, name):
    """CropResize takes no sequence, whose size is the first of five dimensions."""
    model = build.network([sequence, 1, 3, 6, 8], [build.DOUBLE], version=3)
    found = finding(model, decompose=True)
    assert found.after.name == name


def test_a_fixed_image_in_a_batch_of_any_size_has_one_size():
    model = build.network([1, 3, 6, 8], [build.DOUBLE], version=4, mapping=build.EXACT)
    taken = model.description.input[0].type.multiArrayType
    for low, high in ((1, 9), (3, 3), (6, 6), (8, 8)):
        taken.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    found = finding(model)
    assert (found.layer.input.kind, found.layer.input.samples) == ("static", ((6, 8),))
    assert found.layer.channels == 3


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(("side", "compared"), [(1 << 17, True), ((1 << 17) + 1, False)])
def test_the_longest_side_that_is_compared(side, compared):
    text = "resizeBilinear {{ targetSize: {} targetSize: 1 }}".format(side)
    model = build.network([1, 3, 1], [text], version=3)
    found = finding(model, "bilinear,align_corners=true")
    assert (found.max_shift_px is not None) == compared
    assert (found.verdict == "match") == compared


def test_a_wrong_grid_of_the_right_size_is_told_as_one_where_the_input_is_not_known():
    text = "resizeBilinear { targetSize: 9 targetSize: 12 mode { samplingMethod: UPSAMPLE_MODE } }"
    model = build.network([], [text], version=3)
    message = finding(model, "bilinear,align_corners=true,size=9x12").message
    assert "it reads up to" in message
    assert "instead of" not in message
