"""`sizes` and `input_is_parameter` in manifests: read, written, and refused with their place."""

import json

import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.source import Manifest

SIZE = "expected [height, width] as whole numbers from 1 to 65536, not "
PAIR = "expected [input size, output size], not "
PAIRS = [[[4, 6], [32, 48]], [[5, 6], [36, 48]]]


def one(**entry):
    return json.dumps({"resizes": [entry]})


def test_they_are_read_and_written_again(tmp_path):
    (intent,) = manifest.parse(one(sizes=PAIRS, size=[32, 48], input_is_parameter=True))
    assert intent.sizes == (((4, 6), (32, 48)), ((5, 6), (36, 48)))
    assert intent.input_is_parameter is True
    path = str(tmp_path / "intent.json")
    Manifest([intent]).save(path)
    assert manifest.load(path)[0].sizes == intent.sizes
    assert json.loads((tmp_path / "intent.json").read_text())["resizes"][0]["sizes"] == PAIRS


def test_one_number_counts_for_both_sides():
    (intent,) = manifest.parse(one(sizes=[[4, 8], [[5, 6], 12]]))
    assert intent.sizes == (((4, 4), (8, 8)), ((5, 6), (12, 12)))


def test_the_first_example_is_the_observed_one_unless_another_is_given():
    (intent,) = manifest.parse(one(sizes=PAIRS))
    assert (intent.input_size, intent.output_size) == ((4, 6), (32, 48))
    (intent,) = manifest.parse(one(sizes=PAIRS, size=[36, 48]))
    assert (intent.input_size, intent.output_size) == ((5, 6), (36, 48))
    (intent,) = manifest.parse(one(sizes=PAIRS, input_size=[5, 6], output_size=[36, 48]))
    assert intent.input_size == (5, 6)


def test_what_is_not_known_is_left_out():
    (intent,) = manifest.parse(one(sizes=None, input_is_parameter=None))
    assert not {"sizes", "input_is_parameter"} & set(intent.as_dict())


@pytest.mark.parametrize(
    ("entry", "defects"),
    [
        (
            {"sizes": []},
            [".sizes: expected a list of [input size, output size], not an empty list"],
        ),
        ({"sizes": 4}, [".sizes: expected a list of [input size, output size], not `4`"]),
        ({"sizes": [[4, 6], 7]}, [f".sizes[1]: {PAIR}`7`"]),
        ({"sizes": [[[4, 6]]]}, [f".sizes[0]: {PAIR}a list"]),
        (
            {"sizes": [[[4, 0], [8, 8]], [[4, 6], None]]},
            [f".sizes[0][0]: {SIZE}a list", f".sizes[1][1]: {SIZE}null"],
        ),
        (
            {"sizes": PAIRS, "input_size": [9, 9], "output_size": [18, 18]},
            [".sizes: the observed 9×9 → 18×18 contradicts `sizes`: it is not in them"],
        ),
        (
            {"sizes": PAIRS, "size": [9, 9]},
            [".sizes: `size` 9×9 contradicts `sizes`: no example has made it"],
        ),
        (
            {"sizes": [[[4, 6], [8, 12]], [[5, 6], [9, 12]]], "scale_factor": 2},
            [".sizes[1][1]: 9×12 contradicts 5×6 × `scale_factor`, which gives 10×12"],
        ),
        ({"input_is_parameter": 1}, [".input_is_parameter: expected true, false or null, not `1`"]),
    ],
)
def test_defects(entry, defects):
    with pytest.raises(ManifestError) as caught:
        manifest.parse(one(**entry))
    assert list(caught.value.defects) == ["$.resizes[0]" + defect for defect in defects]
