"""What a page shows of a whole network that was compared with a reference, as values."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing.line import Line
from coreml_resize_fix.short_repr import short_repr

if TYPE_CHECKING:
    import numpy as np

# What the numbers of an output are shown as.
SCORES, LABELS, IMAGE, MAP = "scores", "labels", "image", "map"


class Difference(NamedTuple):
    """How far an output is off, (height, width); `changed_pixels` have another class.

    None for the latter where the output has no classes.
    """

    plane: "np.ndarray"
    changed_pixels: Optional[int]

    def __repr__(self) -> str:
        return short_repr(self)


class OutputPicture(NamedTuple):
    """An output scaled down: as the reference has it, as the file and the result make it.

    Planes are (height, width), of images (height, width, 3); of `scores` and `labels` they hold
    classes. Of images and maps `low` and `high` are black and white, else the smallest and the
    largest value. None where nothing was computed; no difference where the shape is another.
    `right_before` are the resizes without whose right size the file makes nothing: `before` has it.
    """

    name: str
    kind: str
    size: Tuple[int, int]  # of the reference, before it was scaled down
    batch: int  # how many there are; the first is shown
    low: float
    high: float
    wanted: "np.ndarray"
    before: "Optional[np.ndarray]"
    after: "Optional[np.ndarray]"
    off_before: Optional[Difference]
    off_after: Optional[Difference]
    right_before: Tuple[str, ...] = ()

    def __repr__(self) -> str:
        return short_repr(self)


class ResizeError(NamedTuple):
    """How far what a resize makes is off in the network as it is, and in the result.

    None where it is no finite number, of another shape, or was not computed.
    """

    address: str
    before: Optional[float]
    after: Optional[float]


class Overview(NamedTuple):
    """`more` is how many outputs have a picture that is not here; `has_result` whether one ran."""

    line: Line
    pictures: Tuple[OutputPicture, ...]
    more: int
    errors: Tuple[ResizeError, ...]
    has_result: bool

    def __repr__(self) -> str:
        return short_repr(self)
