"""What the page shows of a whole network: the line of its resizes, its outputs, its errors."""

from typing import List, Mapping, NamedTuple, Optional, Tuple

from coreml_resize_fix.report import drift
from coreml_resize_fix.report.card import Card
from coreml_resize_fix.report.outputs import Shown, shown
from coreml_resize_fix.verify.overview import Overview, ResizeError

_MOST_NAMES = 6


class Station(NamedTuple):
    """A resize with its card on the page, and how many operations lie before it."""

    layer: Card
    operations: int


class Seen(NamedTuple):
    """An overview with all that a template needs."""

    inputs: Tuple[str, ...]
    more_inputs: int
    stations: Tuple[Station, ...]
    behind: int
    outputs: Tuple[str, ...]
    more_outputs: int
    shown: Tuple[Shown, ...]
    more: int
    drift: Optional[drift.Drift]
    drift_height: float
    errors: Tuple[Tuple[Card, ResizeError], ...]
    has_result: bool


def seen(found: Overview, layers: Mapping[str, Card]) -> Seen:
    """The overview of a model whose cards are known by the address of their layer."""
    line = found.line
    errors: List[Tuple[Card, ResizeError]] = [
        (layers[error.address], error) for error in found.errors if error.address in layers
    ]
    return Seen(
        line.inputs[:_MOST_NAMES],
        max(0, len(line.inputs) - _MOST_NAMES),
        tuple(Station(layers[one.address], one.operations) for one in line.stations),
        line.behind,
        line.outputs[:_MOST_NAMES],
        max(0, len(line.outputs) - _MOST_NAMES),
        tuple(shown(picture) for picture in found.pictures),
        found.more,
        drift.drift([error for _, error in errors], found.has_result),
        drift.HEIGHT,
        tuple(errors),
        found.has_result,
    )
