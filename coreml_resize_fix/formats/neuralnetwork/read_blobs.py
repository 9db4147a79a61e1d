"""Track blobs while layers are read as steps: which hold the image, which hold numbers.

The dimensions of the image carry labels, so that layers may change their order.
"""

from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.replacements.format import HALF, SINGLE
from coreml_resize_fix.replacements.steps import HEIGHT, WIDTH, Step, Steps

ADDED, CHANNELS = "added", "C"
Labels = Tuple[Any, ...]  # HEIGHT and WIDTH, CHANNELS, "B", "S", or ADDED of a dimension of one


class NotAReplacementError(Exception):
    """A layer cannot be part of a replacement."""


def require(holds: bool) -> None:
    """State a condition that every part of a replacement meets.

    Raises:
        NotAReplacementError: the condition does not hold.
    """
    if not holds:
        raise NotAReplacementError


class Image(NamedTuple):
    """A blob that holds the image after some steps."""

    labels: Labels
    steps: Steps = ()

    def then(self, step: Step) -> "Image":
        """The image after one more step."""
        return self._replace(steps=self.steps + (step,))

    def axes(self, first: Any, second: Any) -> Tuple[Any, Any]:
        """Values of the last two dimensions, in the order height, width."""
        labels = self.labels[-2:]
        require(labels in ((HEIGHT, WIDTH), (WIDTH, HEIGHT)))
        return (first, second) if labels == (HEIGHT, WIDTH) else (second, first)


class Blobs:
    """The blobs of a group of layers, for an image of that rank and number of channels."""

    def __init__(self, rank: int, channels: Optional[int]) -> None:
        self.channels = channels
        self.first = Image(("S", "B", CHANNELS, HEIGHT, WIDTH)[5 - rank :])
        self.images: Dict[str, Image] = {}
        self.constants: Dict[str, np.ndarray] = {}
        self._outside: Optional[str] = None
        self._has_half = False  # numbers stored as float16
        self._has_wider = False  # numbers that float16 cannot represent

    @property
    def rounding(self) -> float:
        """Largest rounding error of the numbers, as a share of the largest."""
        return HALF if self._has_half or not self._has_wider else SINGLE

    def image(self, name: str) -> Image:
        """The image in a blob; the first unknown blob is the input of the group."""
        if name not in self.images:
            require(self._outside is None and name not in self.constants)
            self._outside, self.images[name] = name, self.first
        return self.images[name]

    def add(self, name: str, made: Any) -> None:
        """Set the content of a blob: an Image, or an array of numbers."""
        self.images.pop(name, None)
        self.constants.pop(name, None)
        if isinstance(made, Image):
            self.images[name] = made
        else:
            self.constants[name] = made

    def numbers(self, stored: Any, shape: Sequence[int]) -> np.ndarray:
        """The numbers of a WeightParams message, float64 of that shape, row by row."""
        if stored.float16Value:
            require(len(stored.float16Value) % 2 == 0)
            values = np.frombuffer(stored.float16Value, dtype="<f2").astype(np.float64)
            self._has_half = True
        else:
            values = np.array(stored.floatValue, dtype=np.float64)
        sizes = [int(size) for size in shape]
        require(0 < values.size == _product(sizes) and bool(np.isfinite(values).all()))
        with np.errstate(over="ignore"):
            kept = values.astype(np.float16).astype(np.float64)
        self._has_wider = self._has_wider or bool((kept != values).any())
        return values.reshape(sizes)


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total
