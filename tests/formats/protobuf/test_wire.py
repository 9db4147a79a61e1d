"""Field boundaries: what a message may hold, what it may not, and how a file is read."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.protobuf import wire
from coreml_resize_fix.formats.protobuf.wire import Source
from tests.support import wirediff


def spans(data, start=0, end=None):
    source = Source(data)
    found = wire.fields(source, start, len(data) if end is None else end)
    return [(f.number, f.wire_type, f.tag_at, f.value_at, f.start, f.end) for f in found]


def test_every_kind_of_field():
    data = b"\x08\x96\x01" + b"\x12\x03abc" + b"\x1d" + b"\1\2\3\4" + b"\x21" + b"\0" * 8
    assert spans(data) == [
        (1, 0, 0, 1, 1, 3),
        (2, 2, 3, 4, 5, 8),
        (3, 5, 8, 9, 9, 13),
        (4, 1, 13, 14, 14, 22),
    ]


def test_numbers_and_lengths_of_more_than_one_byte():
    # Field 200, 300 bytes long: both are written in two bytes; then a length with a needless byte.
    data = b"\xc2\x0c\xac\x02" + b"x" * 300 + b"\x0a\x81\x00y"
    assert spans(data) == [(200, 2, 0, 2, 4, 304), (1, 2, 304, 305, 307, 308)]


REFUSED = {
    "field number 0": (b"\x08\x01\x02\x01x", "byte 2 holds a field of number 0"),
    "group begins": (b"\x0b\x0c", "byte 0 uses wire type 3"),
    "group ends": (b"\x08\x01\x0c", "byte 2 uses wire type 4"),
    "wire type 6": (b"\x0e\x01", "byte 0 uses wire type 6"),
    "wire type 7": (b"\x0f\x01", "byte 0 uses wire type 7"),
    "tag of eleven bytes": (b"\x80" * 10 + b"\x01" + b"x" * 9, "byte 0 does not begin"),
    "value of eleven bytes": (b"\x08" + b"\xff" * 10 + b"\x01", "byte 1 does not begin"),
    "length of eleven bytes": (b"\x0a" + b"\x80" * 10 + b"\0", "byte 1 does not begin"),
    "tag without an end": (b"\x08\x01\x80", "byte 2 does not begin"),
    "tag alone": (b"\x08", "byte 1 does not begin"),
    "length alone": (b"\x0a", "byte 1 does not begin"),
    "length past the end": (b"\x0a\x03ab", "ends at byte 5, past its end at byte 4"),
    "huge length": (b"\x0a" + b"\xff" * 9 + b"\x7f", "past its end at byte 11"),
    "short fixed32": (b"\x0d\0\0\0", "ends at byte 5, past its end at byte 4"),
    "short fixed64": (b"\x09" + b"\0" * 7, "ends at byte 9, past its end at byte 8"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_message_is_refused(name):
    data, reason = REFUSED[name]
    with pytest.raises(ModelError, match=reason):
        spans(data)


@pytest.mark.parametrize("kind", ["value", "length", "content"])
def test_a_field_must_end_inside_its_message(kind):
    # The bytes go on, but the message that is walked ends after two of them.
    data = {"value": b"\x08\xff\x01", "length": b"\x0a\x81\0x", "content": b"\x0a\x01x"}[kind]
    with pytest.raises(ModelError, match="past its end at byte 2"):
        spans(data, 0, 2)


numbers = st.integers(1, 2**29 - 1)
messages = st.lists(
    st.one_of(
        st.tuples(numbers, st.just(0), st.integers(0, 2**64 - 1).map(wirediff.encoded)),
        st.tuples(numbers, st.just(1), st.binary(min_size=8, max_size=8)),
        st.tuples(numbers, st.just(2), st.binary(max_size=700)),
        st.tuples(numbers, st.just(5), st.binary(min_size=4, max_size=4)),
    ),
    max_size=8,
)


@settings(max_examples=100)
@given(messages)
def test_fields_are_those_that_were_written(message):
    data = b"".join(wirediff.field(number, content, kind) for number, kind, content in message)
    found = list(wire.fields(Source(data), 0, len(data)))
    assert [(f.number, f.wire_type, data[f.start : f.end]) for f in found] == message
    assert [data[f.tag_at : f.end] for f in found] == [p.raw for p in wirediff.pieces(data)]


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02"), (16384, b"\x80\x80\x01")],
)
def test_numbers_are_written_in_the_fewest_bytes(value, encoded):
    assert wire.encode_varint(value) == encoded
    assert wire.encode_field(2, b"x" * value) == b"\x12" + encoded + b"x" * value


@settings(max_examples=60)
@given(
    st.integers(0, 3000),
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 3000), st.integers(0, 1200)),
        min_size=1,
        max_size=20,
    ),
)
def test_a_file_reads_as_its_bytes_do(tmp_path_factory, size, steps):
    data = bytes(index * 7 % 251 for index in range(size))
    path = tmp_path_factory.mktemp("wire") / "data"
    path.write_bytes(data)
    with io.FileIO(str(path)) as file:
        source = Source(file)
        assert source.size == size
        for is_window, at, count in steps:
            if is_window:
                found, inside = source.window(at, count)
                assert found[inside : inside + count] == data[at : at + count]
            else:
                assert source.read(at, at + count) == data[at : at + count]
