"""New names never collide with old ones or with each other, and the ends keep theirs."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from coreml_resize_fix.rewrite.decompose import REPLACEMENTS
from coreml_resize_fix.sampling import AxisSpec
from tests.decompose.support import EXACT3, EXACT4, RANK5, context

UP3 = AxisSpec("linear", "half_pixel", 3, 9)
DOWN = AxisSpec("linear", "half_pixel", 6, 3)
NEAREST = AxisSpec("nearest_floor", "asymmetric", 3, 5)
CASES = [
    context(rows, columns, layout, channels=2)
    for layout in (RANK5, EXACT4, EXACT3)
    for rows, columns in ((UP3, UP3), (DOWN, DOWN), (NEAREST, NEAREST), (UP3, DOWN))
]
KINDS = ["padding", "convolution", "permute", "loadConstant", "loadConstantND", "gather", "crop"]
KINDS += ["batchedMatmul", "upsample", "cropResize", "expandDims", "squeeze"]
# Names as an earlier replacement of a layer of this name would have made them.
names = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "up", "x", "y"]),
    st.sampled_from(["", *("_" + kind for kind in KINDS)]),
    st.sampled_from(["", "_1", "_2", "_3", "_4"]),
)
taken = st.frozensets(names | st.text(max_size=4), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), taken, taken, names, names, names)
def test_names(case, names, blobs, name, source, target):
    asked = replace(
        case, name=name, input=source, output=target, taken_names=names, taken_blobs=blobs
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
        assert not set(made) & (names | {name})
        given_blobs = [layer.output[0] for layer in new]
        assert all(len(layer.output) == 1 for layer in layers)
        assert len(set(given_blobs)) == len(given_blobs)
        assert not set(given_blobs) & (blobs | {source, target})
        # Every layer reads what is there, and every new blob is read once.
        read = [blob for layer in layers for blob in layer.input]
        assert sorted(read) == sorted([source, *given_blobs])
        for place, layer in enumerate(layers):
            earlier = {source} | {other.output[0] for other in layers[:place]}
            assert set(layer.input) <= earlier


def test_new_names_tell_where_they_come_from():
    for row in REPLACEMENTS:
        for case in CASES:
            assert all(layer.name.startswith("up") for layer in row.build(case) or [])
