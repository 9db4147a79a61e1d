"""The facts about one layer and its intent that the decision table reads."""

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.comparison import (
    EQUAL,
    UNEQUAL,
    Comparisons,
    Pairing,
    comparisons,
    pair,
)
from coreml_resize_fix.auditing.ranges import misfit, rounded_apart
from coreml_resize_fix.auditing.remedy import NONE, WITHIN, Allowed, Remedy, find_remedy
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, SizeKind
from coreml_resize_fix.formats.model import PIXEL, ROUNDING, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Size, SizePairs
from coreml_resize_fix.intents.model import Intent

# What the layer computes now, compared with its intent.
SAME, WRONG_GRID, WRONG_SIZE = "same", "wrong-grid", "wrong-size"
NEAREST_AS_BILINEAR, ANTIALIAS_DROPPED, OTHER_KERNEL = (
    "nearest-as-bilinear",
    "antialias-dropped",
    "other-kernel",
)
TOO_NEW = "too-new"  # computes the intent, by a layer above the deployment target
REFUSED = "refused"  # computes nothing: Core ML does not take the layer
# Computes the intent in one of two readings, and nothing documents which one Core ML takes.
OPEN_SIZE, OPEN_PIXEL = "open-size", "open-pixel"
DOUBTED = "doubted"  # computes the intent, by an operation in which systems were seen to differ
CURRENT = (
    SAME,
    WRONG_GRID,
    WRONG_SIZE,
    NEAREST_AS_BILINEAR,
    ANTIALIAS_DROPPED,
    OTHER_KERNEL,
    TOO_NEW,
    REFUSED,
    OPEN_SIZE,
    OPEN_PIXEL,
    DOUBTED,
)
_OPEN = {ROUNDING: OPEN_SIZE, PIXEL: OPEN_PIXEL}

# What the intent asks for, as far as it explains why no layer can do it.
ALIGN_CORNERS, HALF_PIXEL, SCALE_RATIO, NEAREST, KERNEL, ASYMMETRIC = (
    "align-corners",
    "half-pixel",
    "scale-ratio",
    "nearest",
    "kernel",
    "asymmetric",
)
INTENT_KINDS = (ALIGN_CORNERS, HALF_PIXEL, SCALE_RATIO, NEAREST, KERNEL, ASYMMETRIC)

# What keeps an intent and its layer from being compared.
EVIDENCE_OK = "ok"  # nothing
CONTRADICTED = "contradicted"  # the intent was recorded at another size than the layer gets
SIZELESS = "sizeless"  # nothing says at which sizes
UNFIT = "unfit"  # nothing that the layer may make fits the rest of the file
UNJUDGED = "unjudged"  # nothing says what the layer makes, whatever the sizes
UNDECIDED = "undecided"  # the recording leaves open what is intended at other sizes
EVIDENCE = (EVIDENCE_OK, CONTRADICTED, SIZELESS, UNFIT, UNJUDGED, UNDECIDED)


@dataclass(frozen=True)
class Assessment:
    """The key of the decision table, and the values that its messages need."""

    current: str
    shape: SizeKind  # of the layer's input
    availability: str
    intent_kind: str
    evidence: str
    freezes: bool  # the native layer has a fixed size, unlike the one in the file
    intent: Intent
    comparisons: Optional[Comparisons] = None
    remedy: Optional[ResizeOp] = None
    needs_version: int = 1
    pairings: Tuple[Pairing, ...] = ()
    open_size: Optional[Size] = None  # an input of which the rounding decides what it makes

    @property
    def worst(self) -> Optional[Pairing]:
        """The pairing whose grids are farthest apart, of those with grids of equal size."""
        same = [pairing for pairing in self.pairings if pairing.max_shift is not None]
        return max(same, key=lambda pairing: pairing.max_shift or 0.0, default=None)

    @property
    def intended(self) -> Optional[Size]:
        return self.pairings[0].intended if self.pairings else None


def assess(
    layer: ResizeLayer, intent: Intent, allowed: Allowed, evidence: str = EVIDENCE_OK
) -> Assessment:
    """Everything that the decision on a layer and its intent depends on.

    `evidence` is what keeps the two from being compared, one of EVIDENCE, as far as that is known
    before their sizes are looked at.
    """
    compared = comparisons(intent, layer)
    asked, sizes = compared
    if not sizes and evidence in (EVIDENCE_OK, UNDECIDED):
        evidence = SIZELESS
    asks = _intent_kind(asked, sizes)
    if evidence != EVIDENCE_OK:
        # Shown, not judged: what the layer does at the sizes that were recorded.
        seen = tuple(
            pair(asked, layer.params, *one)
            for one in (sizes if evidence == UNDECIDED else ())
            if one[0] in intent.input_sizes
        )
        current = _current(asked, layer.params, seen) if seen else WRONG_GRID
        return Assessment(
            current=current,
            shape=layer.input.kind,
            availability=NONE,
            intent_kind=asks,
            evidence=evidence,
            freezes=False,
            intent=intent,
            comparisons=compared,
            pairings=seen,
        )
    pairings = _pairings(layer, asked, sizes)
    left_open = _left_open(layer, sizes)
    current = _current(asked, layer.params, pairings)
    if current == SAME and left_open is not None:
        current = left_open[0]
    if current == SAME and allowed.spec_version < layer.params.min_spec_version:
        current = TOO_NEW
    if layer.params.lacks_its_mode:
        current = REFUSED
    doubted = allowed.rewrite_downscales and layer.input.is_static and bool(layer.params.caveat)
    remedy = Remedy(NONE)
    if current != SAME or doubted:
        remedy = find_remedy(layer, asked, sizes, allowed)
    if current == SAME and doubted and remedy.availability == WITHIN:
        current = DOUBTED
    several = len({target for size, target in sizes if size == sizes[0][0]}) > 1
    return Assessment(
        current=current,
        # One size that becomes several is like one that varies: none can be frozen.
        shape=FLEXIBLE if several else layer.input.kind,
        availability=remedy.availability,
        intent_kind=asks,
        evidence=evidence,
        freezes=remedy.freezes,
        intent=intent,
        comparisons=compared,
        remedy=remedy.params,
        needs_version=remedy.spec_version,
        pairings=pairings,
        open_size=left_open[1] if left_open and left_open[0] == OPEN_SIZE else None,
    )


def _pairings(layer: ResizeLayer, asked: Intent, sizes: SizePairs) -> Tuple[Pairing, ...]:
    """The comparison of an intent with its layer at each size, and at one that does not fit."""
    if layer.params.is_chain:
        from coreml_resize_fix.auditing import decomposition

        same = EQUAL if decomposition.computes(layer, asked, sizes) else UNEQUAL
        pairings = tuple(
            Pairing(size, target, layer.params.output_size(size), same, same)
            for size, target in sizes
        )
    else:
        pairings = tuple(pair(asked, layer.params, size, target) for size, target in sizes)
    wrong = misfit(asked, layer.params, layer)
    return pairings if wrong is None else (*pairings, pair(asked, layer.params, *wrong))


def _left_open(layer: ResizeLayer, known: SizePairs) -> Optional[Tuple[str, Size]]:
    """What Apple leaves open of a layer (its size or a pixel), and at which input size."""
    if layer.params.is_chain:
        return None
    size = rounded_apart(layer.params, layer)
    if size is not None:
        return OPEN_SIZE, size
    for before, after in known:
        if layer.params.may_make(before, after) and layer.params.left_open(before, after):
            return _OPEN[layer.params.left_open(before, after)], before
    return None


def _current(intent: Intent, params: ResizeOp, pairings: Sequence[Pairing]) -> str:
    if all(pairing.equal for pairing in pairings):
        return SAME
    if any(pairing.intended != pairing.actual for pairing in pairings):
        return WRONG_SIZE
    if params.is_chain:
        return OTHER_KERNEL
    interpolates = not params.copies_nearest
    if intent.is_nearest and interpolates:
        return NEAREST_AS_BILINEAR
    if intent.antialias and _shrinks(pairings):
        return ANTIALIAS_DROPPED
    if intent.mode in ("bicubic", "area") or intent.is_nearest or not interpolates:
        return OTHER_KERNEL
    return WRONG_GRID


def _shrinks(pairings: Sequence[Pairing]) -> bool:
    return any(n < x for p in pairings for x, n in zip(p.input_size, p.intended))


def _intent_kind(intent: Intent, known: SizePairs) -> str:
    if intent.is_nearest:
        return NEAREST
    if intent.antialias or intent.mode != "bilinear":
        return KERNEL
    if intent.align_corners:
        return ALIGN_CORNERS
    if intent.framework == "tensorflow1":
        return ASYMMETRIC
    steps: List[Tuple[Optional[float], int, int]] = []
    for size, target in known:
        axes = intent.axes(size, target)
        steps += [(axis.step, axis.input_size, axis.output_size) for axis in axes]
    by_factor = any(step is not None and step * n != x for step, x, n in steps)
    return SCALE_RATIO if by_factor else HALF_PIXEL
