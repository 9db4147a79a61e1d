"""Operations that go through a sequence, keep a state, or choose among boxes.

Source of every rule here: the documentation of MIL's operators.
"""

from typing import Sequence

from coreml_resize_fix.formats.inference.call import show, times
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.shapes import Dims


def sequence(call: OperationCall) -> Sequence[Dims]:
    """What it gives at each step (or at the last), and the states that it ends in."""
    x, weight = call.shape("x", 3), call.shape("weight_hh", 2)
    size = times(weight[1], 2 if call.word("direction", "forward") == "bidirectional" else 1)
    steps = x[0] if call.one("output_sequence", 0) else 1
    return [(steps, x[1], size)] + [(x[1], size)] * (call.outputs - 1)


def write_state(call: OperationCall) -> Sequence[Dims]:
    """A state keeps the size that the function declares: nothing else can be written to it."""
    kept, data = call.shape("input"), call.shape("data")
    if data != kept and None not in data:
        call.conflict(f"keeps {show(kept)} and gets {show(data)}")
    return []


def boxes(call: OperationCall) -> Sequence[Dims]:
    scores, most = call.shape("scores", 3), call.one("max_boxes")
    batch = scores[0]
    return [(batch, most, 4), (batch, most, scores[2]), (batch, most), (batch,)]


RULES = {
    "gru": sequence,
    "lstm": sequence,
    "non_maximum_suppression": boxes,
    "rnn": sequence,
    "write_state": write_state,
}
