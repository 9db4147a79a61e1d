"""Find resizes of an ONNX graph whose order says nothing, since neither depends on the other.

An exporter may write such nodes in any order: tf2onnx does, and gives them names of its own.
"""

from typing import Dict, List, Sequence, Tuple

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.onnx.file import Proto, bodies
from coreml_resize_fix.intents.onnx.shapes import ResizeNode

Read = Tuple[ResizeNode, Intent]


def doubtful(graph: Proto, found: Sequence[Read]) -> List[int]:
    """Indices in `found` of resizes that may be confused with another one.

    Neither of the two depends on the other, both fit the same layer, and they ask for different
    things.
    """
    before = _resizes_before(graph, [resize for resize, _ in found])
    return [
        place
        for place, (_, intent) in enumerate(found)
        if any(
            place != other
            and not before[place] >> other & 1
            and not before[other] >> place & 1
            and _may_be_taken(intent, found[other][1])
            for other in range(len(found))
        )
    ]


def _resizes_before(graph: Proto, resizes: Sequence[ResizeNode]) -> List[int]:
    """For each resize the set of those on which it depends, bit k for resize k."""
    places = {resize.node.output[0]: k for k, resize in enumerate(resizes) if resize.node.output}
    before = [0] * len(resizes)
    behind: Dict[str, int] = {}  # name of a value -> the resizes on which it depends

    def walk(graph: Proto, outer: int) -> int:
        last = outer
        for node in graph.node:
            waits = outer
            for name in node.input:
                waits |= behind.get(name, 0)
            for body in bodies(node):
                waits |= walk(body, waits)
            place = places.get(node.output[0]) if node.output else None
            if place is not None:
                before[place] = waits
                waits |= 1 << place
            for name in node.output:
                behind[name] = waits
            last |= waits
        return last

    walk(graph, 0)
    return before


def _may_be_taken(one: Intent, other: Intent) -> bool:
    """Whether one layer may fit both calls, although they ask for different things."""
    sizes = [(call.input_size, call.target_size(call.input_size)) for call in (one, other)]
    alike = all(a == b or None in (a, b) for a, b in zip(*sizes))
    return alike and one.is_nearest == other.is_nearest and one.request != other.request
