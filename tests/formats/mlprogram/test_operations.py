"""From an operation in a file to its value, and to the words of reports."""

import logging

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram import network, reader
from coreml_resize_fix.formats.mlprogram.inventory import AvgPool, Unjudged
from coreml_resize_fix.formats.mlprogram.operations import (
    ResizeBilinear,
    ResizeNearest,
    ResizeToShape,
    UpsampleBilinear,
    UpsampleNearest,
)
from coreml_resize_fix.formats.protobuf.wire import Source
from tests.formats.mlprogram import build
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.test_reader import main_block, parsed

logging.disable(logging.WARNING)

third = float(np.float32(1.3))


def boxes(x):
    return mb.crop_resize(
        x=x, roi=np.ones((1, 1, 4, 1, 1), np.float32), target_height=3, target_width=5,
        normalized_coordinates=False, spatial_scale=1.0, box_coordinate_mode="CORNERS_WIDTH_FIRST",
    )  # fmt: skip


def to_shape(x):
    return mb.resize(
        x=x, shape=[3, 9, 5], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR",
        sampling_mode="OFFSET_CORNERS",
    )  # fmt: skip


# maker, iOS, value, its text, its dictionary, specification version, fixed size
OPERATIONS = {
    "defaults": (
        lambda x: mb.upsample_bilinear(x=x), 15, UpsampleBilinear(1, 1),
        "upsample_bilinear ×1,1 align_corners=true",
        {"scale_factor_height": 1, "scale_factor_width": 1, "align_corners": True}, 6, None),
    "half_pixel": (
        lambda x: mb.upsample_bilinear(
            x=x, scale_factor_height=1.3, scale_factor_width=2.0, align_corners=False,
            half_pixel_centers=True),
        16, UpsampleBilinear(third, 2, False, True),
        "upsample_bilinear ×1.3,2 align_corners=false half_pixel_centers=true",
        {"scale_factor_height": third, "scale_factor_width": 2, "align_corners": False,
         "half_pixel_centers": True}, 7, None),
    "nearest": (
        lambda x: mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=3.0, scale_factor_width=0.5),
        15, UpsampleNearest(3, 0.5), "upsample_nearest_neighbor ×3,0.5",
        {"scale_factor_height": 3, "scale_factor_width": 0.5}, 6, None),
    "size": (
        lambda x: mb.resize_bilinear(
            x=x, target_size_height=9, target_size_width=5, sampling_mode="ALIGN_CORNERS"),
        15, ResizeBilinear(9, 5, "ALIGN_CORNERS"), "resize_bilinear 9×5 ALIGN_CORNERS",
        {"target_size_height": 9, "target_size_width": 5, "sampling_mode": "ALIGN_CORNERS"},
        6, (9, 5)),
    "nearest_size": (
        lambda x: mb.resize_nearest_neighbor(x=x, target_size_height=9, target_size_width=5),
        15, ResizeNearest(9, 5), "resize_nearest_neighbor 9×5",
        {"target_size_height": 9, "target_size_width": 5}, 6, (9, 5)),
    "shape": (
        to_shape, 17, ResizeToShape((3, 9, 5), 2, "NEAREST_NEIGHBOR", "OFFSET_CORNERS"),
        "resize to 3×9×5 NEAREST_NEIGHBOR OFFSET_CORNERS",
        {"shape": [3, 9, 5], "resized_dims": 2, "interpolation_mode": "NEAREST_NEIGHBOR",
         "sampling_mode": "OFFSET_CORNERS"}, 8, (9, 5)),
    "pool": (
        lambda x: mb.avg_pool(
            x=x, kernel_sizes=[2, 3], strides=[2, 3], pad_type="valid",
            exclude_padding_from_average=True),
        15, AvgPool((2, 3), (2, 3), exclude_padding_from_average=True), "avg_pool 2×3 every 2×3",
        {"kernel_sizes": [2, 3], "strides": [2, 3], "pad_type": "valid", "pad": [0, 0, 0, 0],
         "exclude_padding_from_average": True, "ceil_mode": False}, 6, None),
}  # fmt: skip


def only(data):
    (found,) = network.networks(reader.read(Source(data))).values()
    (resize,) = found.resizes()
    return resize


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name):
    make, ios, value, text, parameters, version, fixed = OPERATIONS[name]
    resize = only(build.model_file(build.program(make, (1, 3, 6, 6), ios), ios))
    assert resize.params == value
    assert resize.source == "x"
    assert str(resize.params) == text
    assert resize.params.as_dict() == parameters
    assert resize.params.min_spec_version == version
    assert resize.params.fixed_size == fixed
    # The contract calls every average over windows by one kind.
    assert resize.params.kind == ("pooling" if name == "pool" else text.split()[0])


def test_what_is_named_and_not_judged():
    params = only(build.model_file(build.program(boxes, (1, 3, 6, 6)))).params
    assert isinstance(params, Unjudged)
    assert params.as_dict()["target_height"] == 3
    assert str(params).startswith("crop_resize box_coordinate_mode=CORNERS_WIDTH_FIRST")
    assert "coordinates of its own" in params.reason
    assert params.unjudged == params.reason
    assert params.output_size((6, 6)) == (0, 0)
    with pytest.raises(LookupError, match="coordinates of its own"):
        params.axes((6, 6), (6, 6))


def unreadable(model, name):
    resize = main_block(model).operations[-1]
    constant = next(
        one
        for one in main_block(model).operations
        if one.outputs[0].name == resize.inputs[name].arguments[0].name
    )
    return constant.attributes["val"].immediateValue.tensor


@pytest.mark.parametrize(
    ("factor", "word"),
    [(float("nan"), "nan"), (float("inf"), "inf"), (-2.0, "-2"), (None, "number")],
)
def test_a_factor_that_is_none(factor, word):
    model = parsed("ct9_ml17_nn_sf2p3")
    values = unreadable(model, "scale_factor_height").floats.values
    del values[:]
    values.extend([] if factor is None else [factor])
    params = only(model.SerializeToString()).params
    assert isinstance(params, Unjudged)
    assert word in params.reason


def test_a_factor_that_is_computed():
    model = parsed("ct9_ml17_nn_sf2p3")
    main_block(model).operations[-1].inputs["scale_factor_width"].arguments[0].name = "x"
    params = only(model.SerializeToString()).params
    assert isinstance(params, Unjudged)
    assert "`scale_factor_width` is not a constant" in params.reason
    assert params.kind == "upsample_nearest_neighbor"


def test_an_unknown_mode():
    model = parsed("mil_ml17_resize_nearest")
    (mode,) = (
        one for one in main_block(model).operations if "sampling_mode" in one.outputs[0].name
        and "interpolation" not in one.outputs[0].name
    )  # fmt: skip
    mode.attributes["val"].immediateValue.tensor.strings.values[0] = "NEWER"
    assert "`NEWER` is not known" in only(model.SerializeToString()).params.reason


def test_pools_of_other_axes_are_no_resizes():
    def make(x):
        flat = mb.squeeze(x=mb.reduce_mean(x=x, axes=[2], keep_dims=True), axes=[2])
        return mb.avg_pool(x=flat, kernel_sizes=[2], strides=[2], pad_type="valid")

    data = build.model_file(build.program(make, (1, 3, 6, 6)))
    (found,) = network.networks(reader.read(Source(data))).values()
    assert found.resizes() == []


def without_input(model):
    del main_block(model).operations[-1].inputs["x"]


def without_output(model):
    del main_block(model).operations[-1].outputs[:]
    main_block(model).outputs[0] = "x"


@pytest.mark.parametrize("change", [without_input, without_output])
def test_a_resize_of_nothing(change):
    model = parsed("ct9_ml17_nn_sf2p3")
    change(model)
    params = only(model.SerializeToString()).params
    assert isinstance(params, Unjudged)
    assert "one value" in params.reason
