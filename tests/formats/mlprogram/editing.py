"""Edits applied in memory, and what differs between two model files, operation by operation."""

import io

from coreml_resize_fix.formats.mlprogram import edits, network, reader, steps
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.wire import Source
from tests.support.wirediff import pieces

WAY_TO_OPERATIONS = (502, 2, 2, 3, 2)  # Model, Program, entry, Function, entry: then the Block


def rewritten(data, chosen, spec_version=6):
    """The file with other resizes; `chosen` gets each (Resize, ModelShapes) and returns new ones.

    Returns the bytes, the networks read from them, and the sizes that were planned.
    """
    source = Source(data)
    program = reader.read(source)
    found = network.networks(program)
    before = {name: one.shapes() for name, one in found.items()}
    replaced = {}
    for name, one in found.items():
        for resize in one.resizes():
            params = chosen(resize, before[name])
            if params is not None:
                replaced[resize.address] = params
    assumed = {address: made_by(params) for address, params in replaced.items()}
    after = {name: one.shapes(assumed) for name, one in found.items()}
    change = edits.Rewrite(
        {address: steps.of(params) for address, params in replaced.items()},
        before,
        after,
        spec_version,
    )
    assert edits.refusal(program, change) is None
    result = apply(data, edits.edits(source, program, change))
    return result, network.networks(reader.read(Source(result))), after


def made_by(params):
    """What an operation makes of its input, as the sizes are asked for."""
    return params.fixed_size or (lambda size: params.output_size(size) if size else (None, None))


def apply(data, found):
    target = io.BytesIO()
    splice.write(io.BytesIO(data), len(data), target, splice.patches(found))
    return target.getvalue()


def operations(data, way=WAY_TO_OPERATIONS):
    """The bytes of the operations in a block, and everything else: (path, bytes) of each piece.

    `way` goes through the last field of each number, which is the only one in the files here.
    """
    rest = []
    content, path = data, ()
    for number in way:
        inside = None
        for piece in pieces(content):
            if piece.number == number:
                inside = piece
            else:
                rest.append((path, piece.raw))
        path += (number,)
        content = inside.content
    found = []
    for piece in pieces(content):
        if piece.number == 3:
            found.append(piece.content)
        else:
            rest.append((path, piece.raw))
    return found, rest


def told(operation):
    """The bytes of an operation without the declared types of what it makes."""
    kept = []
    for piece in pieces(operation):
        if piece.number == 3:
            kept += [(3, inner.raw) for inner in pieces(piece.content) if inner.number == 1]
        else:
            kept.append((piece.number, piece.raw))
    return kept
