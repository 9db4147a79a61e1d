"""The network as a line: its inputs, its resizes in order of execution, its outputs."""

from typing import List, NamedTuple, Sequence, Tuple

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.formats.model import Model


class Station(NamedTuple):
    """A resize on the line, and how many other operations are run between it and the last one."""

    address: str
    operations: int


class Line(NamedTuple):
    """`behind` is how many operations are run after the last resize."""

    inputs: Tuple[str, ...]
    stations: Tuple[Station, ...]
    behind: int
    outputs: Tuple[str, ...]


def line(
    model: Model, findings: Sequence[Finding], inputs: Sequence[str], outputs: Sequence[str]
) -> Line:
    """The line of a model, from its own inputs to its outputs, however long it is.

    Operations of a program are counted without constants; one that holds others counts once.
    """
    at = {finding.layer.address: finding for finding in findings}
    inside = model.parts(at) - set(at)
    stations: List[Station] = []
    seen = set()
    between = 0
    for network in model.networks:
        for node in network.nodes:
            if node.address in seen:
                continue
            seen.add(node.address)
            if node.address in at:
                stations.append(Station(node.address, between))
                between = 0
            elif node.address not in inside:
                between += 1
    return Line(tuple(inputs), tuple(stations), between, tuple(outputs))
