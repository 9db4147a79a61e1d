"""The verdict on one layer, as a value."""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.comparison import Comparisons
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.short_repr import short_repr

if TYPE_CHECKING:
    import numpy as np


class Verdict(str, Enum):
    """What is said of one layer; reports print the values."""

    MATCH = "match"
    FIXED = "fixed"
    FIXABLE = "fixable"
    NEEDS_OPTION = "needs-option"
    UNMATCHABLE = "unmatchable"
    NO_INTENT = "no-intent"
    AMBIGUOUS = "ambiguous"

    def __str__(self) -> str:
        return self.value


MATCH, FIXED, FIXABLE, NEEDS_OPTION, UNMATCHABLE, NO_INTENT, AMBIGUOUS = VERDICTS = tuple(Verdict)
# Nothing exact is allowed: what comes closest is worth knowing.
RIGHT = (MATCH, FIXED)
INEXACT = (NEEDS_OPTION, UNMATCHABLE)


class Near(NamedTuple):
    """A native setting that is not exact: its largest shift in source pixels, its mean error."""

    params: ResizeOp
    max_shift_px: float
    mean_abs_error: float


class Picture(NamedTuple):
    """One image before and after a resize: float64 planes, cut to the same place of the image.

    `before` and `after` are what the layer makes now and what it makes when it is fixed; None for
    no image. `spans` are the (begin, end) of rows and columns that are shown, as shares.
    """

    source: "np.ndarray"
    wanted: "np.ndarray"
    before: "Optional[np.ndarray]"
    after: "Optional[np.ndarray]"
    recorded: bool
    input_size: Tuple[int, int]
    output_size: Tuple[int, int]
    spans: Tuple[Tuple[float, float], ...] = ((0.0, 1.0), (0.0, 1.0))

    def __repr__(self) -> str:
        return short_repr(self)


@dataclass(frozen=True)
class Finding:
    """`comparisons` are the sizes to compare at, with the intent as it applies to the layer.

    `intended_size` is the (height, width) that the intent makes of the layer's input, None where
    the intent or the sizes are not known. `max_shift_px` is in source pixels, None where the sizes
    differ or are not known. `wrong_before` names layers before it that stay wrong in a file that is
    written in part: the verdict is on what the layer gets as long as they do.
    """

    layer: ResizeLayer
    verdict: Verdict
    codes: Tuple[Code, ...]
    message: str
    intent: Optional[Intent] = None
    comparisons: Optional[Comparisons] = None
    after: Optional[ResizeOp] = None
    intended_size: Optional[Tuple[int, int]] = None
    max_shift_px: Optional[float] = None
    max_abs_error_before: Optional[float] = None
    max_abs_error_after: Optional[float] = None
    needs: Tuple[str, ...] = ()
    spec_version: int = 1  # that `after` needs
    closest: Tuple[Near, ...] = ()  # where nothing exact is allowed
    wrong_before: Tuple[str, ...] = ()
    # Only if the report shows it; arrays do not compare as values do.
    picture: Optional[Picture] = field(default=None, compare=False)

    def __repr__(self) -> str:
        codes = "".join(f" {code}" for code in self.codes)
        return f"Finding({self.layer.described}: {self.verdict}{codes})"
