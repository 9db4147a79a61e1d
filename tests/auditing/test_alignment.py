"""Alignments: the dynamic programme against every alignment, one by one."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coreml_resize_fix.auditing.alignment import Alignment


def all_alignments(rows, columns, fits, row=0, first=0):
    """Every set of pairs that fit and keep the order of both sides."""
    if row == rows:
        yield frozenset()
        return
    yield from all_alignments(rows, columns, fits, row + 1, first)
    for column in range(first, columns):
        if fits[row][column]:
            for rest in all_alignments(rows, columns, fits, row + 1, column + 1):
                yield rest | {(row, column)}


@st.composite
def tables(draw):
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    row = st.lists(st.booleans(), min_size=columns, max_size=columns)
    return rows, columns, draw(st.lists(row, min_size=rows, max_size=rows))


@pytest.mark.slow
@settings(max_examples=300)
@example((0, 0, []))
@example((0, 2, []))
@example((2, 0, [[], []]))
@example((2, 2, [[False, True], [True, False]]))
@example((3, 2, [[True, True], [True, True], [True, True]]))
@given(tables())
def test_is_what_all_largest_alignments_say(table):
    rows, columns, fits = table
    everything = list(all_alignments(rows, columns, fits))
    size = max(len(pairs) for pairs in everything)
    largest = [pairs for pairs in everything if len(pairs) == size]
    found = Alignment(rows, columns, fits)
    assert found.size == size
    for row in range(rows):
        paired = {column for pairs in largest for r, column in pairs if r == row}
        assert found.columns(row) == sorted(paired)
        skips = any(row not in [r for r, _ in pairs] for pairs in largest)
        assert found.can_skip_intent(row) == skips
    for column in range(columns):
        partners = {row for pairs in largest for row, c in pairs if c == column}
        assert found.partners(column) == sorted(partners)
        skips = any(column not in [c for _, c in pairs] for pairs in largest)
        assert found.can_skip(column) == skips


def test_long_sequences_take_no_time():
    """200 equal intents and layers have one largest alignment, found without looking at others."""
    count = 200
    found = Alignment(count, count, [[True] * count] * count)
    assert found.size == count
    assert [found.partners(column) for column in range(count)] == [[n] for n in range(count)]
