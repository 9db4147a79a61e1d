"""Edits of nested messages: the spliced bytes are those of the tree built anew."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.skeleton import Node
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import Field
from tests.support.wirediff import encoded

# A tree is a list of items: bytes as they are, or (field number, tree) for a message. The
# encoding of a length prefix changes with the size of the message at 128 and at 16384 bytes.
SIZES = st.one_of(
    st.integers(0, 12), st.integers(118, 138), st.integers(16370, 16390), st.integers(0, 400)
)
LEAVES = SIZES.map(lambda size: bytes(index % 251 for index in range(size)))
TREES = st.recursive(
    st.lists(LEAVES, max_size=3),
    lambda below: st.lists(st.one_of(LEAVES, st.tuples(st.integers(1, 700), below)), max_size=4),
    max_leaves=12,
)


def spelled(number, content):
    return encoded(number * 8 + 2) + encoded(len(content)) + content


def rebuilt(tree, replaced, at=()):
    """The bytes of a tree with other bytes at some of its leaves."""
    return b"".join(
        replaced.get(at + (index,), item)
        if isinstance(item, bytes)
        else spelled(item[0], rebuilt(item[1], replaced, at + (index,)))
        for index, item in enumerate(tree)
    )


def leaves(tree, start=0, path=(), at=()):
    """(place in the tree, first byte, byte behind the last one, enclosing messages) of leaves."""
    for index, item in enumerate(tree):
        here = at + (index,)
        if isinstance(item, bytes):
            yield here, start, start + len(item), path
            start += len(item)
            continue
        number, below = item
        content = rebuilt(below, {})
        value_at = start + len(encoded(number * 8 + 2))
        begin = value_at + len(encoded(len(content)))
        end = begin + len(content)
        field = Field(number, 2, start, value_at, begin, end)
        node = Node("Message", field, begin, end, {}, None)
        yield from leaves(below, begin, path + (node,), here)
        start = end


def insertions(edits):
    """Where edits insert and replace nothing."""
    return [edit.start for edit in edits if edit.start == edit.end]


def spliced(data, edits):
    """The result, and all that was read."""
    target, read = io.BytesIO(), []
    splice.write(io.BytesIO(data), len(data), target, splice.patches(edits), read.append)
    return target.getvalue(), b"".join(read)


@settings(max_examples=150)
@given(TREES, st.data(), st.booleans())
def test_a_splice_equals_the_tree_built_anew(tree, data, with_root):
    original = rebuilt(tree, {})
    # The outermost message has no length prefix; it may be on the path of an edit or not.
    root = (Node("Model", None, 0, len(original), {}, None),) if with_root else ()
    replaced, edits = {}, []
    for place, start, end, path in leaves(tree):
        if data.draw(st.booleans()):
            replaced[place] = data.draw(LEAVES)
            edits.append(Edit(start, end, replaced[place], root + path))
    # Only insertions at one place are made in the order in which they are queued.
    if len(set(insertions(edits))) == len(insertions(edits)):
        edits = data.draw(st.permutations(edits))
    result, read = spliced(original, edits)
    assert result == rebuilt(tree, replaced)
    assert read == original
    assert splice.size_after(len(original), splice.patches(edits)) == len(result)


def chain(size, depth):
    """A leaf of that size inside as many messages, and the edit that makes it `data`."""
    tree = [bytes(size)]
    for _ in range(depth):
        tree = [(1, tree), b"\x18\x05"]
    return tree


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (120, 128),
        (127, 128),
        (128, 127),
        (16370, 16384),
        (16383, 16384),
        (16384, 16383),
        (127, 16384),
    ],
)
def test_length_prefixes_grow_and_shrink_through_every_level(before, after, depth):
    tree = chain(before, depth)
    place, start, end, path = next(leaves(tree))
    result, _ = spliced(rebuilt(tree, {}), [Edit(start, end, b"\xff" * after, path)])
    assert result == rebuilt(tree, {place: b"\xff" * after})


def test_a_message_may_grow_by_its_inner_prefix_alone():
    # The innermost goes from 127 to 128 bytes, and so do the prefixes of those around it.
    tree = chain(127, 2)
    assert rebuilt(tree, {})[:5] == b"\x0a\x83\x01\x0a\x7f"
    _, start, end, path = next(leaves(tree))
    result, _ = spliced(rebuilt(tree, {}), [Edit(start, end, bytes(128), path)])
    assert result[:6] == b"\x0a\x85\x01\x0a\x80\x01"


def test_edits_that_balance_leave_the_prefix_as_it_was_written():
    # The prefix of 4 bytes is spelled with a needless byte, as no edit may normalize.
    data = b"\x0a\x84\x00abcd"
    node = Node("Message", Field(1, 2, 0, 1, 3, 7), 3, 7, {}, None)
    edits = [Edit(3, 4, b"XY", (node,)), Edit(5, 7, b"Z", (node,))]
    assert spliced(data, edits)[0] == b"\x0a\x84\x00XYbZ"
    assert spliced(data, [Edit(3, 4, b"XY", (node,))])[0] == b"\x0a\x05XYbcd"


def test_a_message_that_keeps_its_length_stops_no_other():
    # The smaller one, whose edit leaves its length as it is, comes first.
    data = b"\x0a\x02ab" + b"\x0a\x03cde"
    small = Node("Message", Field(1, 2, 0, 1, 2, 4), 2, 4, {}, None)
    large = Node("Message", Field(1, 2, 4, 5, 6, 9), 6, 9, {}, None)
    edits = [Edit(2, 3, b"A", (small,)), Edit(6, 7, b"CC", (large,))]
    assert spliced(data, edits)[0] == b"\x0a\x02Ab" + b"\x0a\x04CCde"


def test_a_needlessly_long_inner_prefix_shrinks_and_so_do_those_around_it():
    data = b"\x0a\x08" + b"\x0a\x82\x80\x80\x80\x00ab"
    outer = Node("Message", Field(1, 2, 0, 1, 2, 10), 2, 10, {}, None)
    inner = Node("Message", Field(1, 2, 2, 3, 8, 10), 8, 10, {}, None)
    assert spliced(data, [Edit(8, 9, b"AA", (outer, inner))])[0] == b"\x0a\x05\x0a\x03AAb"


def test_a_file_is_copied_in_pieces_that_fit_in_memory_and_in_a_cache():
    data, pieces = bytes(3 << 20), []
    splice.write(io.BytesIO(data), len(data), io.BytesIO(), [], pieces.append)
    assert 1 << 16 <= max(map(len, pieces)) <= 1 << 20
    assert sum(map(len, pieces)) == len(data)


def test_an_empty_edit_inserts():
    node = Node("Message", Field(1, 2, 0, 1, 2, 4), 2, 4, {}, None)
    assert spliced(b"\x0a\x02abz", [Edit(2, 2, b"--", (node,))])[0] == b"\x0a\x04--abz"
    assert spliced(b"\x0a\x02abz", [Edit(4, 4, b"--", (node,))])[0] == b"\x0a\x04ab--z"
    both = [Edit(2, 3, b"A", (node,)), Edit(2, 2, b"--", (node,))]
    assert spliced(b"\x0a\x02abz", both)[0] == b"\x0a\x04--Abz"


@pytest.mark.parametrize(
    "second", [(2, 5), (3, 4), (4, 6), (0, 3), (3, 3)], ids=["same", "inside", "end", "start", "in"]
)
def test_edits_that_overlap_are_refused(second):
    edits = [Edit(2, 5, b"x", ()), Edit(second[0], second[1], b"y", ())]
    for order in (edits, edits[::-1]):
        with pytest.raises(ValueError, match="edits overlap at byte"):
            splice.patches(order)


def test_edits_that_touch_are_not_refused():
    edits = [Edit(2, 5, b"x", ()), Edit(5, 6, b"y", ()), Edit(0, 2, b"", ())]
    assert spliced(b"abcdefg", edits)[0] == b"xyg"


@pytest.mark.parametrize(("size", "accepted"), [(2**31 - 2, True), (2**31 - 1, False)])
def test_a_result_of_two_gibibytes_is_refused(size, accepted):
    grows = [splice.Patch(0, 1, b"xy")]
    if accepted:
        assert splice.size_after(size, grows) == 2**31 - 1
        return
    with pytest.raises(OutputError, match="2147483648 bytes, and Core ML reads at most 2147483647"):
        splice.size_after(size, grows)


def test_a_source_that_became_shorter_is_noticed():
    with pytest.raises(OutputError, match="became shorter"):
        splice.write(io.BytesIO(b"abc"), 5, io.BytesIO(), [splice.Patch(0, 1, b"x")])
    with pytest.raises(OutputError, match="became shorter"):
        splice.write(io.BytesIO(b"abc"), 5, io.BytesIO(), [splice.Patch(2, 5, b"x")])
