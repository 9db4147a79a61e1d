"""Planes as PNG images that are part of a page, and one scale for differences."""

import base64
import io
from typing import TYPE_CHECKING, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.auditing.findings import Picture

if TYPE_CHECKING:
    import numpy as np

_SAME = 1e-6  # relative to the largest magnitude; what is left is rounding

# On a light ground it gets darker with the difference and on a dark one lighter, evenly.
_RED = (208, 32, 48)


class Image(NamedTuple):
    """A picture of (height, width) pixels as the text of a `data:` address.

    None stands for a difference that is nothing but rounding.
    """

    title: str
    address: Optional[str]
    size: Tuple[int, int]
    is_difference: bool = False


class Strip(NamedTuple):
    """The images of one layer; `scale` is the difference that the full color stands for."""

    images: Tuple[Image, ...]
    scale: Optional[float]
    subject: str
    wrong_size: bool  # of what the layer makes now


def strip(picture: Picture) -> Strip:
    """What goes in, what was asked for, what the layer makes before and after, and differences."""
    low, high = float(picture.wanted.min()), float(picture.wanted.max())
    made = [("this layer makes", picture.before), ("after the fix", picture.after)]
    shown = [("input", picture.source), ("asked for", picture.wanted)]
    shown += [(title, plane) for title, plane in made if plane is not None]
    images = [Image(title, _grey(plane, low, high), _size(plane)) for title, plane in shown]
    off = {
        title: abs(plane - picture.wanted)
        for title, plane in made
        if plane is not None and plane.shape == picture.wanted.shape
    }
    scale = max((float(plane.max()) for plane in off.values()), default=None)
    magnitude = float(abs(picture.wanted).max()) or 1.0
    if scale is not None and scale <= _SAME * magnitude:
        scale = 0.0
    for title, plane in off.items():
        name = "difference" if title.startswith("this") else "difference after the fix"
        images.append(difference(name, plane, scale or 1.0, _SAME * magnitude))
    wrong_size = picture.before is not None and picture.before.shape != picture.wanted.shape
    return Strip(tuple(images), scale, _subject(picture), wrong_size)


def _subject(picture: Picture) -> str:
    what = "the recorded tensor" if picture.recorded else "a test image"
    if all(span == (0.0, 1.0) for span in picture.spans):
        return what
    return f"{what}, cut to where this layer is most wrong"


def _size(plane: "np.ndarray") -> Tuple[int, int]:
    return plane.shape[0], plane.shape[1]


def _grey(plane: "np.ndarray", low: float, high: float) -> str:
    share = (plane - low) / ((high - low) or 1.0)
    levels = (share.clip(0, 1) * 255).round().astype("uint8")
    return _png([row.tobytes() for row in levels], _size(plane), greyscale=True)


def difference(title: str, plane: "np.ndarray", scale: float, rounding: float) -> Image:
    """Differences as an image: no color for none, the full color for `scale` and more."""
    import numpy as np

    if plane.max(initial=0) <= rounding:
        return Image(title, None, _size(plane), True)
    levels = np.empty((*plane.shape, 4), np.uint8)
    levels[..., :3] = _RED
    levels[..., 3] = ((plane / scale).clip(0, 1) * 255).round()
    rows = [row.tobytes() for row in levels]
    return Image(title, _png(rows, _size(plane), greyscale=False, alpha=True), _size(plane), True)


def colored(levels: "np.ndarray") -> str:
    """An image of uint8 [height, width, 3], as RGB."""
    return _png([row.tobytes() for row in levels], _size(levels), greyscale=False)


def _png(rows: List[bytes], size: Tuple[int, int], greyscale: bool, alpha: bool = False) -> str:
    import png

    height, width = size
    file = io.BytesIO()
    writer = png.Writer(width, height, greyscale=greyscale, alpha=alpha, bitdepth=8)
    writer.write_packed(file, rows)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
