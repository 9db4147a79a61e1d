"""What a resize does to an image, in small planes that a report can show."""

from dataclasses import replace
from typing import Optional, Tuple

import numpy as np

from coreml_resize_fix.auditing.findings import Finding, Picture
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.intents.tensors import Recorded, Tensors
from coreml_resize_fix.sampling.reference import resize
from coreml_resize_fix.verify.compare import recorded_of
from coreml_resize_fix.verify.probes import LARGEST_MAP, pixels

_WINDOW = 64  # output pixels per side: single pixels stay visible, and the file small


def with_picture(finding: Finding, tensors: Tensors) -> Finding:
    """The finding with pictures of its layer, where the intent and the sizes are known.

    They show the recorded tensor if there is one of this size, else a drawn image, cut to the place
    of the largest error.
    """
    intent, layer = finding.intent, finding.layer
    if intent is None or finding.comparisons is None:
        return finding
    asked, sizes = finding.comparisons
    if not sizes:
        return finding
    before, after = sizes[0]
    if pixels(before, after) > LARGEST_MAP:
        return finding
    recorded = recorded_of(intent, tensors)
    if recorded is not None and tuple(recorded.input.shape[-2:]) != before:
        recorded = None
    if recorded is not None and tuple(recorded.output.shape[-2:]) == after:
        source, wanted = _pick_channel(recorded, layer.params, after)
    else:
        source = _draw(before)
        wanted = resize(source, *asked.axes(before, after))
    now = None if layer.params.lacks_its_mode else _compute(layer.params, source, after)
    fixed = _compute(finding.after, source, after) if finding.after is not None else None
    picture = Picture(source, wanted, now, fixed, recorded is not None, before, after)
    return replace(finding, picture=_cut_window(picture))


def _draw(size: Size) -> np.ndarray:
    """A disc, a diagonal and thin lines, float64 in [0, 1]: edges show what moves."""
    rows, columns = np.indices(size)
    down, right = (rows + 0.5) / size[0], (columns + 0.5) / size[1]
    image = np.full(size, 0.15)
    image[np.abs(down + right - 1.25) < 0.12] = 0.6
    image[(down - 0.4) ** 2 + (right - 0.38) ** 2 < 0.26**2] = 1.0
    image[:, (3 * size[1]) // 4] = 0.85
    image[(4 * size[0]) // 5, :] = 0.4
    return image


def _pick_channel(recorded: Recorded, params: ResizeOp, after: Size) -> Tuple[np.ndarray, ...]:
    """Input and output of the channel that the layer gets most wrong, the first if none is."""
    source = recorded.input.astype(np.float64).reshape((-1,) + recorded.input.shape[-2:])
    wanted = recorded.output.astype(np.float64).reshape((-1,) + recorded.output.shape[-2:])
    made = _run(params, source, after) if _fits(params, source, after) else None
    if made is None:
        return source[0], wanted[0]
    worst = int(np.abs(made - wanted).max(axis=(1, 2)).argmax())
    return source[worst], wanted[worst]


def _fits(params: ResizeOp, source: np.ndarray, after: Size) -> bool:
    return params.may_make((source.shape[-2], source.shape[-1]), after)


def _compute(params: ResizeOp, source: np.ndarray, after: Size) -> Optional[np.ndarray]:
    """The output of a layer for one plane; None if it has no pixels, or too many to show.

    `after` is the size to make; a layer that cannot makes its own.
    """
    size = (source.shape[0], source.shape[1])
    own = after if params.may_make(size, after) else params.output_size(size)
    if min(own) < 1 or own[0] * own[1] > LARGEST_MAP:
        return None
    made = _run(params, source[np.newaxis], own)
    return None if made is None else made[0]


def _run(params: ResizeOp, images: np.ndarray, size: Size) -> Optional[np.ndarray]:
    """The output for images; None for layers of the file that do not fit together."""
    try:
        made = np.asarray(params.run(images, size))
    except ValueError:  # a KernelError is one
        return None
    return made if made.shape[-2:] == size else None


def _cut_window(picture: Picture) -> Picture:
    """Windows of the same place of the image, where the layer is most wrong."""
    wanted, before = picture.wanted, picture.before
    centre = (wanted.shape[0] // 2, wanted.shape[1] // 2)
    if before is not None and before.shape == wanted.shape:
        rows, columns = np.unravel_index(int(np.abs(before - wanted).argmax()), wanted.shape)
        centre = (int(rows), int(columns))
    spans = [_span(at, count) for at, count in zip(centre, wanted.shape)]

    def cut(plane: np.ndarray) -> np.ndarray:
        (top, bottom), (left, right) = (
            (int(begin * own), max(int(np.ceil(end * own)), int(begin * own) + 1))
            for (begin, end), own in zip(spans, plane.shape)
        )
        return np.array(plane[top:bottom, left:right])

    return picture._replace(
        source=cut(picture.source),
        wanted=cut(wanted),
        before=None if before is None else cut(before),
        after=None if picture.after is None else cut(picture.after),
        spans=tuple(spans),
    )


def _span(at: int, count: int) -> Tuple[float, float]:
    """Begin and end of the window, as shares of the image."""
    begin = min(max(at - _WINDOW // 2, 0), max(count - _WINDOW, 0))
    return begin / count, min(begin + _WINDOW, count) / count
