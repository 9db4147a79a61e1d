"""Which array of a reference belongs to which input and output."""

import numpy as np
import pytest

from coreml_resize_fix.errors import BadReferenceError
from coreml_resize_fix.formats.features import ARRAY, CLASSES, IMAGE, NUMBER, TEXT, Feature
from coreml_resize_fix.verify.deviation import changed_pixels, deviation
from coreml_resize_fix.verify.fit import fit_inputs, fit_outputs, pair


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


A, B, C = zeros(1, 2), zeros(3), zeros(4, 1)


def names_of(fitted, arrays):
    """Which array of the reference each name got."""
    return {
        name: next(key for key, other in arrays.items() if other is array)
        for name, array in fitted.arrays.items()
    }


WANTED = {"x": (2,), "y": (3,), "z": (4,)}
PAIRED = {
    "equal names, in another order": ({"z": C, "x": A, "y": B}, {"x": "x", "y": "y", "z": "z"}, 0),
    "others are left out": ({"x": A, "aux": B, "y": B, "z": C}, {"x": "x", "y": "y", "z": "z"}, 0),
    "order": ({"0": A, "1": B, "2": C}, {"x": "0", "y": "1", "z": "2"}, 1),
    "names first, then order": ({"y": B, "1": A, "2": C}, {"x": "1", "y": "y", "z": "2"}, 1),
    "shapes against the order": ({"0": C, "1": B, "2": A}, {"x": "2", "y": "1", "z": "0"}, 1),
    "no shape fits": ({"0": B, "1": B, "2": B}, {"x": "0", "y": "1", "z": "2"}, 1),
}


@pytest.mark.parametrize("kind", sorted(PAIRED))
def test_by_name_then_by_order_and_shape(kind):
    arrays, expected, told = PAIRED[kind]
    arrays = {name: array.copy() for name, array in arrays.items()}
    fitted = pair("x.npz", "input", WANTED, arrays)
    assert names_of(fitted, arrays) == expected
    assert len(fitted.notices) == told
    assert all("by order and shape" in notice for notice in fitted.notices)


def test_one_of_one_needs_no_notice():
    fitted = pair("x.npz", "output", {"scores": None}, {"0": A})
    assert (fitted.arrays["scores"] is A, fitted.notices) == (True, [])


@pytest.mark.parametrize("arrays", [{"a": A}, {"a": A, "b": B, "c": C, "d": C}, {"x": A, "b": B}])
def test_another_number_is_refused(arrays):
    with pytest.raises(BadReferenceError, match="and the model has 3") as caught:
        pair("x.npz", "input", WANTED, arrays)
    assert caught.value.exit_code == 2


def test_optional_inputs_need_no_array():
    fitted = pair("x.npz", "input", WANTED, {"a": A, "b": B}, optional=["z"])
    assert list(fitted.arrays) == ["x", "y"]


PICTURE = Feature("image", IMAGE, (4, 6), "RGB")
GREY = Feature("image", IMAGE, (4, 6), "GRAYSCALE")
MAPS = Feature("maps", ARRAY, (3, 4, 6), data_type="FLOAT32")
ROWS = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)  # height, width, channels

ENTER = {
    "rows of pixels": (PICTURE, ROWS, (1, 3, 4, 6)),
    "one picture of a batch": (PICTURE, ROWS[np.newaxis], (1, 3, 4, 6)),
    "planes": (PICTURE, ROWS.transpose(2, 0, 1), (1, 3, 4, 6)),
    "planes of a batch": (PICTURE, ROWS.transpose(2, 0, 1)[np.newaxis], (1, 3, 4, 6)),
    "a tensor": (PICTURE, zeros(1, 3, 4, 6), (1, 3, 4, 6)),
    "grey": (GREY, ROWS[..., 0], (1, 1, 4, 6)),
    "a grey tensor": (GREY, zeros(1, 1, 4, 6), (1, 1, 4, 6)),
    "axes of one are left out": (MAPS, zeros(1, 3, 4, 6), (3, 4, 6)),
    "axes of one are added": (MAPS._replace(shape=(1, 3, 4, 6)), zeros(3, 4, 6), (1, 3, 4, 6)),
    "another size of a list": (MAPS._replace(shapes=((3, 8, 8),)), zeros(1, 3, 8, 8), (3, 8, 8)),
    "a size of a range": (
        MAPS._replace(ranges=((3, 3), (2, 9), (2, None))),
        zeros(1, 3, 5, 77),
        (3, 5, 77),
    ),
}


@pytest.mark.parametrize("kind", sorted(ENTER))
def test_inputs_enter_in_the_shape_that_is_declared(kind):
    feature, array, shape = ENTER[kind]
    fitted = fit_inputs("x.npz", [feature], {feature.name: array})
    entered = fitted.arrays[feature.name]
    assert entered.shape == shape
    told = feature.kind == IMAGE and array.dtype != np.uint8
    assert bool(fitted.notices) == told
    if array.ndim >= 3 and array.dtype == np.uint8:
        assert np.array_equal(entered[0], ROWS.transpose(2, 0, 1))


REFUSED = {
    "another size": (PICTURE, zeros(1, 3, 6, 4)),
    "too few channels": (PICTURE, zeros(1, 1, 4, 6)),
    "two images": (PICTURE, zeros(2, 3, 4, 6)),
    "whole numbers that are no picture": (PICTURE, zeros(1, 3, 4, 6, dtype=np.int64)),
    "another shape": (MAPS, zeros(1, 3, 6, 4)),
    "two examples": (MAPS, zeros(2, 3, 4, 6)),
    "beyond the range": (MAPS._replace(ranges=((3, 3), (2, 9), (2, 9))), zeros(3, 5, 77)),
    "a text": (Feature("maps", TEXT), zeros(1)),
}


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_inputs_that_the_model_does_not_take(kind):
    feature, array = REFUSED[kind]
    with pytest.raises(BadReferenceError) as caught:
        fit_inputs("x.npz", [feature], {feature.name: array})
    assert caught.value.hint


def test_classifiers_are_compared_by_their_probabilities():
    features = [Feature("classLabel", TEXT), Feature("probabilities", CLASSES)]
    assert list(fit_outputs("x.npz", features, {}, {"0": A}).arrays) == ["probabilities"]
    number = [Feature("classLabel", NUMBER), Feature("probabilities", CLASSES)]
    assert list(fit_outputs("x.npz", number, {}, {"0": A}).arrays) == ["probabilities"]
    assert list(fit_outputs("x.npz", [Feature("price", NUMBER)], {}, {"0": A}).arrays) == ["price"]


def test_deviations():
    wanted = np.float32([[1, -4], [0, 2]])
    made = wanted.reshape(1, 2, 1, 2) + np.float32([0.5, 0])
    found = deviation(wanted, made)
    assert found == (0.5, np.sqrt(0.125), 4.0, "")
    assert found.within(0.125)
    assert not found.within(0.124)
    for bad in (np.nan, np.inf):
        assert deviation(wanted, made * np.float32([bad, 1]))[:2] == (None, None)
        assert not deviation(wanted, made * np.float32([bad, 1])).within(1e9)
        assert "NaN" in deviation(wanted, made * np.float32([bad, 1])).fault
    assert deviation(wanted, wanted.T[:1])[:2] == (None, None)
    assert deviation(wanted, wanted.T[:1]).fault == "has the shape [2], and not [2, 2]"
    assert deviation(wanted, None) == (None, None, 4.0, "is not computed")
    assert deviation(np.zeros(3), np.full(3, 0.01)).within(0.01)


def test_when_a_result_is_worse():
    def off(largest, rms):
        return deviation(np.ones(1), np.ones(1))._replace(largest=largest, rms=rms)

    before = off(0.2, 0.05)
    assert off(0.4, 0.1).worse_than(before, 1e-3)
    assert off(None, None).worse_than(before, 1e-3)
    assert not off(0.21, 0.02).worse_than(before, 1e-3)  # one value more, all others less
    assert not off(0.4, 0.052).worse_than(before, 1e-3)  # too little to be told from chance
    assert not off(0.1, 0.02).worse_than(before, 1e-3)
    assert not off(2e-4, 1e-4).worse_than(off(1e-4, 1e-5), 1e-3)  # both are within it
    assert not off(0.4, 0.1).worse_than(off(None, None), 1e-3)


def test_pixels_that_change_their_class():
    scores = np.zeros((1, 3, 2, 2))
    scores[0, 1] = 1
    moved = scores.copy()
    moved[0, 2, 0, 1] = 2
    assert changed_pixels(scores, moved) == (1, 4)
    assert changed_pixels(scores[:, :1], moved[:, :1]) is None
    assert changed_pixels(scores, moved[..., :1]) is None


def counted(*shape):
    """Numbers that tell where each of them went."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


LAST = counted(1, 4, 6, 3)  # as TensorFlow has a map of 3 channels of 4×6
FIRST = LAST.transpose(0, 3, 1, 2)
ALIKE = counted(1, 3, 3, 3)
OTHER = ALIKE.transpose(0, 3, 1, 2)

# feature, array, whether the intents are of TensorFlow (None: there is none) → what enters and
# how many notices
PLACES = {
    "channels go to the front": (MAPS, LAST, True, FIRST[0], 0),
    "without an intent, too": (MAPS, LAST, None, FIRST[0], 0),
    "of one example": (MAPS, LAST[0], True, FIRST[0], 0),
    "channels go to the end": (MAPS._replace(shape=(1, 4, 6, 3)), FIRST, None, LAST, 0),
    "they stay": (MAPS._replace(shape=(1, 4, 6, 3)), LAST, True, LAST, 0),
    "a tensor for an image": (PICTURE, LAST, True, FIRST, 0),
    "PyTorch's for an image": (PICTURE, FIRST, False, FIRST, 0),
    "a range": (
        MAPS._replace(ranges=((3, 3), (2, 9), (2, 9))), counted(1, 5, 7, 3), True,
        counted(1, 5, 7, 3).transpose(0, 3, 1, 2)[0], 0,
    ),
    "alike, for [C, H, W]": (MAPS._replace(shape=(3, 3, 3)), ALIKE, True, OTHER[0], 1),
    "alike, of PyTorch": (MAPS._replace(shape=(3, 3, 3)), ALIKE, False, ALIKE[0], 0),
    "alike, for four axes": (MAPS._replace(shape=(1, 3, 3, 3)), ALIKE, True, ALIKE, 1),
    "alike, for an image": (PICTURE._replace(shape=(3, 3)), ALIKE, True, OTHER, 1),
    "alike, PyTorch's image": (PICTURE._replace(shape=(3, 3)), ALIKE, False, ALIKE, 0),
    "one channel": (MAPS._replace(shape=(1, 4, 6)), counted(1, 4, 6, 1), True, counted(1, 4, 6), 0),
    "one pixel": (MAPS._replace(shape=(3, 1, 1)), counted(1, 1, 1, 3), True, counted(3, 1, 1), 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_the_place_of_channels_of_an_input(kind):
    feature, array, channels_last, expected, doubts = PLACES[kind]
    fitted = fit_inputs("x.npz", [feature], {feature.name: array}, channels_last)
    entered = fitted.arrays[feature.name]
    assert entered.shape == expected.shape
    assert (entered == expected).all()
    told = [notice for notice in fitted.notices if "channels" in notice]
    assert len(told) == doubts, told
    assert (feature.name in fitted.moved) == (feature.kind == ARRAY and kind in MOVED)


def test_channels_of_an_input_of_pytorch_stay_in_front():
    with pytest.raises(BadReferenceError, match="gets \\[1, 4, 6, 3\\]"):
        fit_inputs("x.npz", [MAPS], {MAPS.name: LAST}, False)


MOVED = (
    "channels go to the front", "without an intent, too", "of one example", "a range",
    "channels go to the end", "alike, for [C, H, W]",
)  # fmt: skip


@pytest.mark.parametrize(
    ("made", "array", "options", "expected", "doubts"),
    [
        ((3, 4, 6), LAST, (True, True), FIRST, 0),
        ((1, 1, 3, 4, 6), LAST, (None, False), FIRST, 0),
        ((3, 4, 6), LAST, (False, False), LAST, 0),  # nothing moves channels of PyTorch
        ((1, 4, 6, 3), LAST, (True, False), LAST, 0),
        ((1, 4, 6, 3), FIRST, (None, False), LAST, 0),
        ((3, 3, 3), ALIKE, (True, True), OTHER, 1),
        ((1, 3, 3, 3), ALIKE, (True, False), ALIKE, 1),
        ((1, 3, 3, 3), ALIKE, (False, False), ALIKE, 0),
        ((9, 9), LAST, (True, True), LAST, 0),  # another shape: an error without a number
        (None, LAST, (True, True), LAST, 0),
    ],
)
def test_the_place_of_channels_of_an_output(made, array, options, expected, doubts):
    """Where sizes are alike, outputs are as the inputs are."""
    shapes = {} if made is None else {"scores": made}
    feature = Feature("scores", ARRAY, made or ())
    fitted = fit_outputs("x.npz", [feature], shapes, {"scores": array}, *options)
    assert fitted.arrays["scores"].shape == expected.shape
    assert (fitted.arrays["scores"] == expected).all()
    assert len(fitted.notices) == doubts


def test_names_of_tensors_are_those_of_nodes():
    """TensorFlow has the tensor `scores:0` of a node `scores`, tfcoreml writes `scores__0`."""
    wanted = {"b__0": (3,), "a__0": (3,)}
    arrays = {"a": zeros(3), "b": zeros(3)}
    fitted = pair("x.npz", "output", wanted, arrays)
    assert fitted.arrays["a__0"] is arrays["a"]
    assert fitted.arrays["b__0"] is arrays["b"]
    assert not fitted.notices
    # Two tensors of one node have names that only the numbers tell apart.
    two = {"a:0": zeros(3), "a:1": zeros(3)}
    assert names_of(pair("x.npz", "output", {"a__0": (3,), "a__1": (3,)}, two), two) == {
        "a__0": "a:0",
        "a__1": "a:1",
    }


def test_shapes_against_the_order_may_have_channels_last():
    wanted = {"low": (3, 4, 6), "high": (3, 8, 12)}
    arrays = {"0": zeros(1, 8, 12, 3), "1": LAST}
    fitted = pair("x.npz", "output", wanted, arrays)
    assert names_of(fitted, arrays) == {"low": "1", "high": "0"}
