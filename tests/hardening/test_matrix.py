"""Every intent in some places of an ML Program: `python -m hardening.matrix` takes all of them."""

import pytest

pytest.importorskip("torch.export", reason="needs PyTorch 2: pip install torch")
pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import torch

from hardening import branches

# Of a size that varies: where it is a whole factor, or PyTorch's grid is by the sizes. What asks
# for another map at every size of the input cannot follow.
FOLLOW = {
    "bilinear aligned", "bilinear", "bilinear by whole", "bicubic by whole", "nearest by whole",
    "nearest-exact by whole",
}  # fmt: skip
BY_FACTOR = {"bilinear aligned by factor", "bilinear recomputed"}
PLACES = [
    (
        branches.Place(branches.SIZES[1], 15, "float16", "static"),
        set(branches.calls(branches.SIZES[1])),
    ),
    (
        branches.Place(branches.SIZES[3], 18, "float32", "static"),
        set(branches.calls(branches.SIZES[3])),
    ),
    (branches.Place(branches.SIZES[0], 17, "float32", "range"), FOLLOW | BY_FACTOR),
    # 28 of 25 by 1.16, and 37 of 32: no factor in single precision makes both.
    (branches.Place(branches.SIZES[1], 16, "float16", "range"), FOLLOW),
]


@pytest.mark.parametrize(("place", "fixed"), PLACES)
def test_every_intent(place, fixed, tmp_path):
    torch.manual_seed(0)
    ends = branches.check(place, str(tmp_path))
    assert {kind for kind, end in ends.items() if end == "fixed"} == fixed
    for end in ends.values():
        assert end == "fixed" or "no exact layer here follows the size" in end


def test_all_places_are_tried():
    found = {(place.sizes.before, place.ios, place.precision) for place in branches.places()}
    assert len(found) == 5 * 4 * 2
    assert {place.layout for place in branches.places()} == set(branches.LAYOUTS)
    assert len(branches.places()) == 2 * len(found)
