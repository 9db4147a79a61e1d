"""The outputs of a network as images: what each was to be, was, and is, and how far it is off."""

from typing import TYPE_CHECKING, List, NamedTuple, Optional, Tuple

from coreml_resize_fix.report.images import Image, colored, difference
from coreml_resize_fix.report.palette import COLORS, css
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.verify.overview import IMAGE, LABELS, SCORES, OutputPicture

if TYPE_CHECKING:
    import numpy as np

_MOST_LEGENDS = 12
_ROUNDING = 1e-5  # of a whole network in float32, relative to the largest magnitude

_SUBJECTS = {
    SCORES: "the class with the highest score at each pixel",
    LABELS: "the class of each pixel",
    IMAGE: "the three channels as red, green and blue",
}
_UNITS = {
    SCORES: "in scores, the largest of all classes",
    LABELS: "1 where the class is another one",
    IMAGE: "in values of the output, the largest of the three channels",
}


class Legend(NamedTuple):
    """A class, its color, and how much of what the reference shows is of it."""

    number: int
    color: str
    share: float


class Shown(NamedTuple):
    """One output; `scale` is the difference that the full color stands for, in `unit`."""

    name: str
    images: Tuple[Image, ...]
    subject: str
    legends: Tuple[Legend, ...]
    other_classes: int
    scale: Optional[float]
    unit: str
    note: str  # what else there is to know of the one before
    changed: Tuple[str, ...]


def shown(picture: OutputPicture) -> Shown:
    """The images of one output, in the order in which they are looked at."""
    planes = [
        ("before", picture.before),
        ("after the fix", picture.after),
        ("as the framework has it", picture.wanted),
    ]
    images = [
        Image(title, _drawn(plane, picture), _size(plane))
        for title, plane in planes
        if plane is not None
    ]
    off = [
        (title, found)
        for title, found in (
            ("difference before", picture.off_before),
            ("difference after", picture.off_after),
        )
        if found is not None
    ]
    finite = [float(found.plane[found.plane < float("inf")].max(initial=0)) for _, found in off]
    scale = max(finite, default=None)
    endless = any((found.plane == float("inf")).any() for _, found in off)
    magnitude = max(abs(picture.low), abs(picture.high)) or 1.0
    rounding = _ROUNDING * magnitude
    if scale is not None and scale <= rounding and not endless:
        scale = 0.0
    images += [difference(title, found.plane, scale or 1.0, rounding) for title, found in off]
    legends = _legends(picture)
    pixels = picture.size[0] * picture.size[1]
    changed = tuple(
        f"{title.split()[-1]}: {found.changed_pixels} of {pixels} pixels in another class"
        for title, found in off
        if found.changed_pixels is not None
    )
    return Shown(
        picture.name,
        tuple(images),
        _subject(picture),
        legends[:_MOST_LEGENDS],
        max(0, len(legends) - _MOST_LEGENDS),
        1.0 if scale == 0 and endless else scale,
        _UNITS.get(picture.kind, "in values of the output"),
        _note(picture),
        changed,
    )


def _note(picture: OutputPicture) -> str:
    if picture.right_before and picture.before is not None:
        names = " and ".join(f"`{visible(name)}`" for name in picture.right_before)
        return f"The file does not run as it is. Before is what it makes with {names} right."
    if picture.off_before is not None:
        return ""
    if picture.before is None:
        return "The file as it is does not make this output, or makes something else of it."
    return "The file as it is makes another size of it, so there is no difference to show."


def _subject(picture: OutputPicture) -> str:
    what = _SUBJECTS.get(
        picture.kind, f"values from {picture.low:.3g} (black) to {picture.high:.3g} (white)"
    )
    many = f"the first of {picture.batch}: " if picture.batch > 1 else ""
    height, width = picture.size
    cut = f", {height}×{width} scaled down" if _size(picture.wanted) != picture.size else ""
    return f"{many}{what}{cut}"


def _legends(picture: OutputPicture) -> Tuple[Legend, ...]:
    if picture.kind not in (SCORES, LABELS):
        return ()
    import numpy as np

    planes = [one for one in (picture.wanted, picture.before, picture.after) if one is not None]
    numbers = sorted({int(number) for plane in planes for number in np.unique(plane)})
    found: List[Legend] = [
        Legend(number, css(number), float((picture.wanted == number).mean())) for number in numbers
    ]
    return tuple(sorted(found, key=lambda one: (-one.share, one.number)))


def _drawn(plane: "np.ndarray", picture: OutputPicture) -> str:
    import numpy as np

    if picture.kind in (SCORES, LABELS):
        levels = np.array(COLORS, np.uint8)[plane % len(COLORS)]
    else:
        share = (plane - picture.low) / ((picture.high - picture.low) or 1.0)
        levels = (np.nan_to_num(share).clip(0, 1) * 255).round().astype(np.uint8)
    if levels.ndim == 2:
        levels = np.repeat(levels[..., None], 3, axis=-1)
    return colored(levels)


def _size(plane: "np.ndarray") -> Tuple[int, int]:
    return plane.shape[0], plane.shape[1]
