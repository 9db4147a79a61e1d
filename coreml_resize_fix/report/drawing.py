"""Where each output pixel reads, as the geometry of a drawing: no colors, no markup."""

from typing import List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.comparison import comparable
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.sampling import TOLERANCE, AxisSpec, positions

WIDTH, LEFT, RIGHT = 720.0, 118.0, 14.0  # units of the drawing
ROW = 34.0  # from lane to lane
_OUTPUTS = 24  # about so many are drawn; more would touch
_PIXELS = 20  # at most so many, for their numbers to be read on a phone
_EXAMPLE = (6, 8)  # (height, width) of an input whose size is not known
_TOLD = 3  # positions that a caption tells of a layer that is compared with nothing
_LABELS, _APART = 12, 20.0  # about so many of them are numbered, and so far from each other


class Mark(NamedTuple):
    """One output pixel: `x` in the drawing, `position` in source pixels."""

    output: int
    x: float
    position: float
    numbered: bool


class Lane(NamedTuple):
    """Where one of the three reads: `key` is asked, before or after."""

    key: str
    label: str
    y: float
    marks: Tuple[Mark, ...]


class Drawing(NamedTuple):
    """One axis; `links` lead from where an output should read to where it does: (x, y, x, y)."""

    axis: str
    height: float
    axis_y: float
    cell: float
    pixels: Tuple[Tuple[float, int], ...]
    lanes: Tuple[Lane, ...]
    links: Tuple[Tuple[float, float, float, float], ...]
    shift: Optional[float]
    worst: Optional[int]
    caption: str


class _Axis(NamedTuple):
    name: str
    asked: Optional[Tuple[float, ...]]
    before: Optional[Tuple[float, ...]]
    after: Optional[Tuple[float, ...]]
    pixels: int
    same_size: bool

    @property
    def shifts(self) -> List[float]:
        if not self.same_size or self.asked is None or self.before is None:
            return []
        return [abs(a - b) for a, b in zip(self.asked, self.before)]


def drawings(finding: Finding) -> List[Drawing]:
    """The axes of a layer whose size is known, the most wrong one first if it has an intent."""
    if finding.comparisons is None or not finding.comparisons.sizes:
        return _alone(finding.layer)
    asked, ((before, after), *_) = finding.comparisons
    wanted = asked.axes(before, after)
    now, now_fits = _axes(finding.layer.params, before, after)
    # Several layers compute what was asked for, which is proved in values: they have no grid.
    fixed = wanted if finding.after is not None and finding.after.is_chain else None
    if finding.after is not None and fixed is None:
        fixed, _ = _axes(finding.after, before, after)
    found = [
        _Axis(
            name,
            positions(wanted[index]),
            positions(now[index]) if now else None,
            positions(fixed[index]) if fixed else None,
            wanted[index].input_size,
            now_fits,
        )
        for index, name in enumerate(("rows", "columns"))
    ]
    found.sort(key=lambda axis: max(axis.shifts, default=0.0), reverse=True)
    return [_drawn(axis) for axis in found]


def _alone(layer: ResizeLayer) -> List[Drawing]:
    """The axes of a layer that is compared with nothing, if what it samples is known."""
    params = layer.params
    if params.unjudged or params.lacks_its_mode:
        return []
    before, *_ = layer.input.samples or (_EXAMPLE,)
    own, _ = _axes(params, before, params.output_size(before))
    if own is None:
        return []
    told = "" if layer.input.samples else ", if its input had this size"
    if params.left_open(before, params.output_size(before)):
        told += ", which is one of the possibilities that Core ML's documentation leaves"
    drawn = [
        _drawn(_Axis(name, None, positions(axis), None, axis.input_size, True))
        for name, axis in zip(("rows", "columns"), own)
    ]
    return [one._replace(caption=one.caption + told) for one in drawn]


_Axes = Optional[Tuple[AxisSpec, AxisSpec]]


def _axes(params: ResizeOp, before: Tuple[int, int], after: Tuple[int, int]) -> Tuple[_Axes, bool]:
    """What a layer samples, and whether its output has the size that was asked for."""
    fits = params.may_make(before, after)
    own = after if fits else params.output_size(before)
    if params.is_chain or not comparable(before, own):
        return None, fits
    return params.axes(before, own), fits


def _drawn(axis: _Axis) -> Drawing:
    shifts = axis.shifts
    meant = axis.asked or axis.before or ()
    worst = shifts.index(max(shifts)) if shifts and max(shifts) > TOLERANCE else None
    shown = min(axis.pixels, max(3, min(_PIXELS, round(_OUTPUTS * axis.pixels / len(meant)))))
    middle = int(meant[worst]) if worst is not None else 0
    first = min(max(middle - shown // 2, 0), axis.pixels - shown)
    cell = (WIDTH - LEFT - RIGHT) / shown

    def lane(key: str, label: str, y: float, at: Sequence[float]) -> Lane:
        inside = [
            (output, position)
            for output, position in enumerate(at)
            if first - 0.5 <= position <= first + shown - 0.5
        ]
        every = max(1, -(-len(inside) // _LABELS))
        marks: List[Mark] = []
        last = -_APART
        for index, (output, position) in enumerate(inside):
            x = LEFT + (position - first + 0.5) * cell
            numbered = not index % every and x - last >= _APART
            last = x if numbered else last
            marks.append(Mark(output, x, position, numbered))
        return Lane(key, label, y, tuple(marks))

    # The first lane is above the source pixels, the others are below.
    axis_y = ROW * 1.5
    heights = (ROW, *(axis_y + ROW * (1.5 + below) for below in range(2)))
    reads = (
        ("asked", "asked for", axis.asked),
        ("before", "this layer", axis.before),
        ("after", "after the fix", axis.after),
    )
    known = [(key, label, at) for key, label, at in reads if at is not None]
    lanes = [lane(key, label, y, at) for y, (key, label, at) in zip(heights, known)]
    return Drawing(
        axis.name,
        max(lanes[-1].y, axis_y + ROW * 0.2) + ROW * 0.7,
        axis_y,
        cell,
        tuple((LEFT + index * cell, first + index) for index in range(shown)),
        tuple(lanes),
        _links(lanes) if shifts else (),
        max(shifts) if shifts else None,
        worst,
        _caption(axis, first, shown, worst, shifts),
    )


def _links(lanes: Sequence[Lane]) -> Tuple[Tuple[float, float, float, float], ...]:
    asked, before = lanes[0], lanes[1]
    at = {mark.output: mark.x for mark in before.marks}
    return tuple(
        (mark.x, asked.y, at[mark.output], before.y) for mark in asked.marks if mark.output in at
    )


def _caption(
    axis: _Axis, first: int, shown: int, worst: Optional[int], shifts: Sequence[float]
) -> str:
    part = "" if shown == axis.pixels else f", {first} to {first + shown - 1} of {axis.pixels}"
    text = f"source {axis.name}{part}"
    if axis.before is None:
        return text
    if axis.asked is None:
        first_ones = axis.before[:_TOLD]
        outputs = ", ".join(map(str, range(len(first_ones))))
        read = ", ".join(f"{position:.3f}" for position in first_ones)
        return f"{text}: output {axis.name} {outputs} read source {read}"
    if not axis.same_size:
        made, wanted = len(axis.before), len(axis.asked)
        if made == wanted:
            return f"{text}: this layer makes the {wanted} {axis.name} that were asked for"
        return f"{text}: this layer makes {made} {axis.name} where {wanted} were asked for"
    if worst is None:
        return text + ": every output pixel reads the right place"
    reads, should = axis.before[worst], axis.asked[worst]
    return (
        f"{text}: output {axis.name[:-1]} {worst} reads source {reads:.3f} and should read "
        f"{should:.3f}, {shifts[worst]:.3f} off"
    )
