"""How a size follows: found from what was observed, whatever the call was."""

import random

import pytest

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.size_law import Kind, find

# Observed (input, output) sizes → the law, its text, and what it says of 10×12.
LAWS = [
    ([((4, 6), (32, 48)), ((8, 12), (64, 96))], Kind.FACTOR, "constant factor 8", (80, 96)),
    ([((4, 6), (32, 48)), ((8, 6), (64, 48))], Kind.FACTOR, "constant factor 8", (80, 96)),
    ([((4, 6), (6, 9)), ((8, 12), (12, 18))], Kind.FACTOR, "constant factor 3/2", (15, 18)),
    ([((5, 7), (2, 3)), ((8, 12), (4, 6))], Kind.FACTOR, "constant factor 1/2", (5, 6)),
    ([((4, 6), (4, 12)), ((8, 12), (8, 24))], Kind.FACTOR, "constant factor 1,2", (10, 24)),
    ([((4, 6), (7, 9)), ((8, 12), (7, 9))], Kind.CONSTANT, "constant size 7×9", (7, 9)),
    (
        [((4, 6), (7, 12)), ((8, 12), (7, 24))],
        Kind.MIXED,
        "constant size 7 of the height and constant factor 2 of the width",
        (7, 24),
    ),
    # 33 = 2 · 17 − 1 and 30 = 2 · 15: a skip whose stride rounded up, and one that did not.
    ([((17, 15), (33, 30)), ((16, 15), (32, 30))], Kind.OTHER, "the size of another tensor", None),
    ([((4, 6), (32, 48)), ((4, 6), (36, 54))], Kind.OTHER, "the size of another tensor", None),
    ([((1, 1), (9, 9)), ((1, 1), (10, 12))], Kind.OTHER, "the size of another tensor", None),
    ([((4, 6), (7, 9)), ((4, 6), (7, 9))], Kind.EITHER, "constant size 7×9", None),
]


@pytest.mark.parametrize(("observed", "kind", "text", "made"), LAWS)
def test_laws(observed, kind, text, made):
    law = find(tuple(observed))
    assert (law.kind, str(law), law.target((10, 12))) == (kind, text, made)


def test_a_size_that_was_observed_is_known_whatever_the_law():
    intent = Intent(sizes=(((17, 15), (33, 30)), ((16, 15), (32, 30))), size=(33, 30))
    assert intent.target_size((16, 15)) == (32, 30)
    assert intent.target_size((18, 15)) is None
    both = Intent(sizes=(((4, 6), (32, 48)), ((4, 6), (36, 54))), size=(32, 48))
    assert both.target_size((4, 6)) is None


def test_one_example_is_no_law():
    assert Intent(sizes=(((4, 6), (8, 12)),), size=(8, 12)).law is None
    assert (
        Intent(sizes=(((4, 6), (8, 12)), ((5, 7), (10, 14))), scale_factor=(2.0, 2.0)).law is None
    )


def test_laws_of_random_calls():
    """What made the sizes is found, or a law that gives all of them."""
    some = random.Random(5)
    for _ in range(300):
        inputs = [(some.randint(1, 40), some.randint(1, 40)) for _ in range(some.randint(2, 4))]
        factor = some.choice([1, 2, 3, 4, 8, 16])
        stride = some.choice([2, 4, 8])
        makers = {
            Kind.CONSTANT: lambda size: (7, 9),
            Kind.FACTOR: lambda size, k=factor: (size[0] * k, size[1] * k),
            # What the resize gets was made of this by a stride that rounds up.
            Kind.OTHER: lambda size, s=stride: (size[0] * s - size[0] % 2, size[1] * s - 1),
        }
        kind = some.choice(list(makers))
        observed = tuple((size, makers[kind](size)) for size in inputs)
        law = find(observed)
        assert all(
            law.target(size) == made
            for size, made in observed
            if len({other for one, other in observed if one == size}) == 1
        )
        varied = all(len({size[axis] for size in inputs}) > 1 for axis in (0, 1))
        if varied and kind != Kind.OTHER:
            assert law.kind == kind
            assert law.target((50, 50)) == makers[kind]((50, 50))
        if varied and kind == Kind.OTHER:
            assert law.kind == Kind.OTHER
