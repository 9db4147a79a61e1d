"""The error of what each resize makes, along the network, as the geometry of a drawing."""

from typing import List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.verify.overview import ResizeError

WIDTH, HEIGHT = 720.0, 156.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 24.0, 14.0, 28.0, 128.0


class Point(NamedTuple):
    """What one resize makes, at its place in the drawing."""

    number: int  # among all resizes that are shown, from 1
    x: float
    y: float
    error: float


class Side(NamedTuple):
    """`key` is before or after; `lines` are broken where an error is not known."""

    key: str
    points: Tuple[Point, ...]
    lines: Tuple[str, ...]


class Drift(NamedTuple):
    """Errors from 0 at `bottom` to `largest` at `top`."""

    left: float
    right: float
    top: float
    bottom: float
    largest: float
    sides: Tuple[Side, ...]
    numbers: Tuple[Tuple[float, int], ...]  # that have room


def drift(errors: Sequence[ResizeError], has_result: bool) -> Optional[Drift]:
    """None where no error is known."""
    columns = [("before", [one.before for one in errors])]
    if has_result:
        columns.append(("after", [one.after for one in errors]))
    known = [error for _, column in columns for error in column if error is not None]
    if not known:
        return None
    largest = max(known)
    step = (WIDTH - _LEFT - _RIGHT) / len(errors)
    places = [_LEFT + (index + 0.5) * step for index in range(len(errors))]
    sides = []
    for key, column in columns:
        points = [
            None
            if error is None
            else Point(index + 1, x, _BOTTOM - (_BOTTOM - _TOP) * error / (largest or 1.0), error)
            for index, (x, error) in enumerate(zip(places, column))
        ]
        sides.append(Side(key, tuple(one for one in points if one is not None), _lines(points)))
    every = -(-len(errors) // 16)
    numbers = tuple((x, index + 1) for index, x in enumerate(places) if not index % every)
    return Drift(_LEFT, WIDTH - _RIGHT, _TOP, _BOTTOM, largest, tuple(sides), numbers)


def _lines(points: Sequence[Optional[Point]]) -> Tuple[str, ...]:
    runs: List[List[Point]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return tuple(" ".join(f"{p.x:.1f},{p.y:.1f}" for p in run) for run in runs if len(run) > 1)
