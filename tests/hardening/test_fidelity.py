"""What a fix must not touch: everything that it does not understand, and all it was not asked for.

Every fixture goes through `tests/formats/neuralnetwork/test_fix_fixtures.py`, byte for byte. Here
the kinds of content that an editor loses are named one by one, so that none of them can leave the
fixtures unseen, and what no fixture has is put into one.
"""

import os

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import assume
from coreml_resize_fix.run import pipeline
from tests.support import cases, edits, wirediff
from tests.support.wirediff import encoded, field

FIX = pipeline.Request(assume=assume.parse("bilinear,align_corners=true"), partial=True)


def future(first):
    """A number, a text, a message, eight and four bytes, and a tag and a length that are padded."""
    return (
        field(first, encoded(1 << 40), wire_type=0)
        + field(first + 1, b"text of a later version")
        + field(first + 2, field(1, b"inside") + field(2, b""))
        + field(first + 3, b"8 bytes!", wire_type=1)
        + field(first + 4, b"four", wire_type=5)
        + encoded((first + 5) * 8 + 2)
        + b"\x83\x80\x00abc"
    )


NEVER_KNOWN = future(7001)
# In the model itself numbers from 200 on are types of model, and there may be one of them.
IN_THE_MODEL = future(101)


def layers(model):
    """Every layer of a model and of those inside of it."""
    kind = model.WhichOneof("Type")
    holder = getattr(model, kind)
    holder = getattr(holder, "pipeline", holder)
    for child in getattr(holder, "models", ()):
        yield from layers(child)
    yield from getattr(holder, "layers", ())


def weights(model, name):
    """Whether some convolution holds weights in a field."""
    found = [layer.convolution.weights for layer in layers(model)]
    return any(getattr(one, name) for one in found)


# What a model may have -> how to see it. Classes are those of the installed schema.
KINDS = {
    "metadata": lambda model: model.description.metadata.author,
    "user-defined keys": lambda model: len(model.description.metadata.userDefined) > 0,
    "updatable": lambda model: model.isUpdatable,
    "float16 weights": lambda model: weights(model, "float16Value"),
    "quantized weights": lambda model: weights(model, "rawValue"),
    "an image input with a mean": lambda model: any(
        getattr(getattr(model, model.WhichOneof("Type")), "preprocessing", ())
    ),
    "class labels": lambda model: hasattr(
        getattr(model, model.WhichOneof("Type")), "stringClassLabels"
    ),
    "a pipeline": lambda model: "ipeline" in model.WhichOneof("Type"),
}
READABLE = [
    case
    for case in cases.ALL
    if case.is_readable and os.path.isfile(case.path) and case.name != "ct9_mlprogram"
]


def fixed(data):
    """Addresses that a fix changed, its result, and the only fields that may differ."""
    report, result = pipeline.process_bytes(data, "model", FIX)
    changed = [f.layer.address for f in report.findings if f.verdict == "fixed"]
    return changed, result, edits.changed_fields(edits.parse(data), changed)


@pytest.mark.mostly_slow(quick=3)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_models_of_this_kind_are_changed_in_their_resizes_alone(kind):
    models = [(case, edits.parse(cases.read_bytes(case.path))) for case in READABLE]
    having = [(case, model) for case, model in models if KINDS[kind](model)]
    assert having, "no fixture has " + kind
    mended = 0
    for case, before in having:
        changed, result, _ = fixed(cases.read_bytes(case.path))
        after = edits.parse(result)
        mended += len(changed)
        assert KINDS[kind](after) == KINDS[kind](before)
        assert after.description.metadata == before.description.metadata
        kept = [layer for layer in layers(before) if layer.WhichOneof("layer") not in edits.TYPES]
        again = [layer for layer in layers(after) if layer.WhichOneof("layer") not in edits.TYPES]
        assert again == kept
    assert mended, "no model with {} was mended".format(kind)


def put_in(data, path, more):
    """The message with bytes appended to the message at a path of (field, occurrence)."""
    if not path:
        return data + more
    out = b""
    for piece in wirediff.pieces(data):
        here = (piece.number, piece.occurrence) == path[0]
        content = put_in(piece.content, path[1:], more) if here else piece.content
        out += field(piece.number, content) if here else piece.raw
    return out


@pytest.mark.parametrize(
    "place",
    [(), ((2, 0),), ((2, 0), (1, 0)), ((2, 0), (10, 0)), ((500, 0),), ((500, 0), (1, 0))],
    ids=["model", "description", "input", "output", "network", "another layer"],
)
def test_fields_of_later_versions_stay_where_they_are(place):
    more = NEVER_KNOWN if place else IN_THE_MODEL
    data = put_in(cases.read_bytes(cases.named("blog_size2x_acT").path), place, more)
    changed, result, allowed = fixed(data)
    assert changed
    found = wirediff.changes(data, result, wirediff.opened(allowed))
    assert sorted(change.path for change in found) == sorted(allowed)
    assert result.count(more) == 1


def test_fields_of_later_versions_in_the_layer_that_is_replaced_stay_beside_it():
    data = cases.read_bytes(cases.named("blog_size2x_acT").path)
    address = fixed(data)[0][0]
    path = edits.locate(edits.parse(data), address).path
    changed, result, _ = fixed(put_in(data, path, NEVER_KNOWN))
    assert changed == [address]
    assert result.count(NEVER_KNOWN) == 1
    layer = edits.locate(edits.parse(result), address).layer
    assert layer.WhichOneof("layer") == "resizeBilinear"


def test_custom_layers_beside_a_resize():
    """No fixture has both: the custom layer of one is put at the end of the other."""
    custom = next(
        layer
        for layer in layers(edits.parse(cases.read_bytes(cases.named("blog_custom").path)))
        if layer.WhichOneof("layer") == "custom"
    )
    spelled = field(1, custom.SerializeToString())
    data = cases.read_bytes(cases.named("blog_size2x_acT").path)
    changed, result, _ = fixed(put_in(data, ((500, 0),), spelled))
    assert changed
    assert result.count(spelled) == 1
    assert list(layers(edits.parse(result)))[-1] == custom


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o444, 0o755])
def test_permission_bits_of_a_file_replaced_in_place(bits, tmp_path):
    path = tmp_path / "model.mlmodel"
    path.write_bytes(cases.read_bytes(cases.named("blog_size2x_acT").path))
    os.chmod(str(path), bits)
    report = pipeline.process(str(path), pipeline.Request(assume=FIX.assume, in_place=True))
    assert report.exit_code == 0
    assert os.stat(str(path)).st_mode & 0o777 == bits


def test_the_schema_does_not_know_what_was_put_in():
    """Or the fields of later versions would be fields of this one."""
    numbers = {*range(7001, 7007), *range(101, 107)}
    for message in (schema.model_class(), schema.layer_class()):
        assert not numbers & {f.number for f in message.DESCRIPTOR.fields}
