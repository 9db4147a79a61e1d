"""New names never collide with old ones or with each other, and the ends keep theirs."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreml_resize_fix.formats.neuralnetwork.layer_chains import PART_KINDS
from coreml_resize_fix.sampling import AxisSpec
from tests.support.replacing import EXACT3, EXACT4, RANK5, REPLACEMENTS, context

UP3 = AxisSpec("linear", "half_pixel", 3, 9)
DOWN = AxisSpec("linear", "half_pixel", 6, 3)
NEAREST = AxisSpec("nearest_floor", "asymmetric", 3, 5)
FIRST = AxisSpec("nearest_floor", "asymmetric", 6, 3, step=1.0)
CASES = [
    context(rows, columns, layout, channels=2)
    for layout in (RANK5, EXACT4, EXACT3)
    for rows, columns in ((UP3, UP3), (DOWN, DOWN), (NEAREST, FIRST), (UP3, DOWN))
]
KINDS = ["padding", "convolution", "permute", "loadConstant", "loadConstantND", "gather", "crop"]
KINDS += ["batchedMatmul", "upsample", "cropResize", "expandDims", "squeeze"]
# Names as an earlier replacement of a layer of this name would have made them, so most collide.
names = st.builds(
    "up__resize_{}{}".format, st.sampled_from(KINDS), st.sampled_from(["", "_2", "_3", "_4"])
)
taken = st.frozensets(names, max_size=30)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.sampled_from(CASES), taken, taken, st.just("up") | names, names, names)
def test_names(case, old, blobs, name, source, target):
    # The layer that is replaced and its blobs exist, so the caller may or may not list them.
    asked = replace(
        case, name=name, input=source, output=target, taken_names=old, taken_blobs=blobs
    )
    for row in REPLACEMENTS:
        layers = row.build(asked)
        if layers is None:
            continue
        last, new = layers[-1], layers[:-1]
        assert last.name == name
        assert list(last.output) == [target]
        made = [layer.name for layer in new]
        assert len(set(made)) == len(made)
        assert not set(made) & (old | {name})
        given_blobs = [layer.output[0] for layer in new]
        assert all(len(layer.output) == 1 for layer in layers)
        assert len(set(given_blobs)) == len(given_blobs)
        assert not set(given_blobs) & (blobs | {source, target})
        # Every layer reads what is there, and every new blob is read.
        assert {blob for layer in layers for blob in layer.input} == {source, *given_blobs}
        for place, layer in enumerate(layers):
            earlier = {source} | {other.output[0] for other in layers[:place]}
            assert set(layer.input) <= earlier


def test_every_part_is_of_a_kind_by_which_it_is_known_again():
    built = [row.build(case) or [] for row in REPLACEMENTS for case in CASES]
    kinds = {layer.WhichOneof("layer") for layers in built for layer in layers[:-1]}
    assert {"padding", "gather"} <= kinds <= PART_KINDS


def test_new_names_tell_where_they_come_from():
    for row in REPLACEMENTS:
        for case in CASES:
            layers = row.build(case) or []
            assert all(layer.name.startswith("up__resize_") for layer in layers[:-1])
