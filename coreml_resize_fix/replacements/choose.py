"""Choose the cheapest replacement for a case at its place in a network."""

from typing import Any, NamedTuple, Optional, Tuple

from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.format import Place, Purpose, Way
from coreml_resize_fix.replacements.steps import Steps, multiply_adds
from coreml_resize_fix.replacements.table import REPLACEMENTS, Replacement


class Cost(NamedTuple):
    """What a replacement costs, in the order in which two are compared.

    layers: how many layers or operations replace the one. multiply_adds: per image, of all
    channels (of one, if their number is not known), at the default size. bytes: in the file.
    """

    layers: int
    multiply_adds: int
    bytes: int


class Candidate(NamedTuple):
    """A replacement that computes a case, and a way of writing it, not written yet."""

    replacement: Replacement
    steps: Steps
    way: Way
    purpose: Purpose

    @property
    def effort(self) -> Tuple[int, int]:
        """Layers and multiply-adds."""
        return self.way.count, self.purpose.multiply_adds

    def written(self) -> "Choice":
        """Write the replacement."""
        params = self.way.write(self.purpose)
        return Choice(self, params, Cost(*self.effort, bytes=params.bytes))


class Choice(NamedTuple):
    """A replacement written for one case."""

    candidate: Candidate
    params: Any
    cost: Cost

    @property
    def spec_version(self) -> int:
        """The specification version that it needs."""
        return self.candidate.way.spec_version


def candidates(case: Case, place: Place) -> Tuple[Candidate, ...]:
    """All replacements that compute the case, in every way that the format has there."""
    found = []
    for row in REPLACEMENTS:
        steps = row.steps(case)
        for way in place.ways(steps) if steps is not None else ():
            found.append(Candidate(row, steps or (), way, _purpose(case, row, steps or (), way)))
    return tuple(found)


def cheapest(case: Case, place: Place, spec_version: Optional[int] = None) -> Optional[Choice]:
    """The cheapest replacement up to a specification version, if one is given; None if none is."""
    allowed = [
        each
        for each in candidates(case, place)
        if spec_version is None or each.way.spec_version <= spec_version
    ]
    if not allowed:
        return None
    least = min(each.effort for each in allowed)
    # Only possible choices are written, since matrices of large images take time.
    choices = [each.written() for each in allowed if each.effort == least]
    return min(choices, key=lambda choice: choice.cost)


def _purpose(case: Case, row: Replacement, steps: Steps, way: Way) -> Purpose:
    size = case.rows.output_size, case.columns.output_size
    return Purpose(
        way.name or row.name,
        None if case.is_flexible else size,
        case.factors,
        multiply_adds(steps, case.channels or 1, case.input_size),
    )
