"""What is the case for one layer and its intent: the facts that the decision table reads."""

from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.comparison import (
    EQUAL,
    UNEQUAL,
    Comparisons,
    Pairing,
    comparisons,
    pair,
)
from coreml_resize_fix.auditing.ranges import misfit, rounded_apart
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, SizeKind
from coreml_resize_fix.formats.model import PIXEL, ROUNDING, Native, ResizeOp
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

# The first native layer that computes the intent: within the target, only above it, or none.
WITHIN, ABOVE, NONE = "within", "above", "none"
# Several layers compute it: they may be used, only with an option, or only above the target.
LAYERS, LAYERS_ASKED, LAYERS_ABOVE = "layers", "layers-asked", "layers-above"
AVAILABILITY = (WITHIN, LAYERS, LAYERS_ASKED, ABOVE, LAYERS_ABOVE, NONE)

# How much is known of the sizes.
EVIDENCE_OK, CONTRADICTED, SIZELESS, UNFIT = "ok", "contradicted", "sizeless", "unfit"
UNJUDGED = "unjudged"  # whatever the sizes: nothing says what the layer makes
UNDECIDED = "undecided"  # several sizes of other inputs fit what was recorded
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
    layer: ResizeLayer,
    intent: Intent,
    contradicted: bool,
    spec_version: int,
    decompose: bool = False,
    unfit: bool = False,
    rewrite_downscales: bool = False,
    undecided: bool = False,
) -> Assessment:
    """Everything that the decision depends on; `spec_version` is the highest that is allowed.

    `decompose` says whether several layers may be used without being asked for, `contradicted` that
    the intent was recorded at another size, `unfit` that nothing the layer may make fits the rest
    of the file, `undecided` that the recording leaves open what is intended at other sizes.
    `rewrite_downscales` asks for another operation where a right one is in doubt.
    """
    compared = comparisons(intent, layer)
    asked, known = compared
    intent_kind = _intent_kind(asked, known)
    reasons = (
        (bool(layer.params.unjudged), UNJUDGED),
        (unfit, UNFIT),
        (contradicted, CONTRADICTED),
        (not known, SIZELESS),
        (undecided, UNDECIDED),
    )
    evidence = next((what for holds, what in reasons if holds), EVIDENCE_OK)
    if evidence != EVIDENCE_OK:
        kind = layer.input.kind
        recorded = known if evidence == UNDECIDED else ()
        seen = tuple(pair(asked, layer.params, *one) for one in recorded
                     if one[0] in intent.input_sizes)  # fmt: skip
        current = _current(asked, layer.params, seen) if seen else WRONG_GRID
        return Assessment(
            current, kind, NONE, intent_kind, evidence, False, intent, compared, pairings=seen
        )
    if layer.params.is_chain:
        from coreml_resize_fix.auditing import decomposition

        same = EQUAL if decomposition.computes(layer, asked, known) else UNEQUAL
        pairings = tuple(
            Pairing(size, target, layer.params.output_size(size), same, same)
            for size, target in known
        )
    else:
        pairings = tuple(pair(asked, layer.params, size, target) for size, target in known)
    wrong = misfit(asked, layer.params, layer)
    if wrong is not None:
        pairings += (pair(asked, layer.params, *wrong),)
    current = _current(asked, layer.params, pairings)
    left_open = _left_open(layer, known)
    if current == SAME and left_open is not None:
        current = left_open[0]
    if current == SAME and spec_version < layer.params.min_spec_version:
        current = TOO_NEW
    if layer.params.lacks_its_mode:
        current = REFUSED
    way = _Way(NONE)
    doubted = rewrite_downscales and layer.input.is_static and bool(layer.params.caveat)
    if current != SAME or doubted:
        way = _way(layer, asked, known, spec_version, decompose)
    if current == SAME and doubted and way.availability == WITHIN:
        current = DOUBTED
    several = len({target for size, target in known if size == known[0][0]}) > 1
    return Assessment(
        current,
        FLEXIBLE if several else layer.input.kind,  # of one size, and still none can be frozen
        way.availability,
        intent_kind,
        evidence,
        way.freezes,
        intent,
        compared,
        way.remedy,
        way.spec_version,
        pairings,
        left_open[1] if left_open is not None and left_open[0] == OPEN_SIZE else None,
    )


def _left_open(layer: ResizeLayer, known: SizePairs) -> Optional[Tuple[str, Size]]:
    """What is not documented of what it makes, and an input of which; or None."""
    if layer.params.is_chain:
        return None
    size = rounded_apart(layer.params, layer)
    if size is not None:
        return OPEN_SIZE, size
    for before, after in known:
        if layer.params.may_make(before, after) and layer.params.left_open(before, after):
            return _OPEN[layer.params.left_open(before, after)], before
    return None


class _Way(NamedTuple):
    """How an intent can be reached, and by what."""

    availability: str
    remedy: Optional[ResizeOp] = None
    spec_version: int = 1
    freezes: bool = False


def _way(
    layer: ResizeLayer,
    asked: Intent,
    known: SizePairs,
    spec_version: int,
    decompose: bool,
) -> _Way:
    """One native layer if the target allows it, else several layers, else what an option allows."""
    native, remedy = _remedy(layer, asked, known, spec_version)
    above = _Way(NONE)
    if native is not None:
        freezes = native.fixed_size and layer.params.fixed_size is None and not asked.is_one_size
        if native.spec_version <= spec_version:
            within = _Way(WITHIN, remedy, native.spec_version, freezes)
            if not (freezes and layer.input.is_flexible):
                return within
            above = within
        else:
            above = _Way(ABOVE, remedy, native.spec_version, freezes)
    if layer.place is None:
        return above
    from coreml_resize_fix.auditing import decomposition

    offer = decomposition.offer(layer, asked, known, spec_version)
    if offer is None or misfit(asked, offer.params, layer) is not None:
        return above
    if offer.spec_version <= spec_version:
        return _Way(LAYERS if decompose else LAYERS_ASKED, offer.params, offer.spec_version)
    if native is not None and not (above.freezes and layer.input.is_flexible):
        return above
    return _Way(LAYERS_ABOVE, offer.params, offer.spec_version)


def _preferred(natives: Sequence[Native], intent: Intent) -> List[Native]:
    """Those that copy pixels come last for a call that does not say so.

    From one pixel they equal any call, and the result would no longer show what was asked for.
    """
    return sorted(natives, key=lambda native: native.nearest and not intent.is_nearest)


def _remedy(
    layer: ResizeLayer, intent: Intent, known: SizePairs, spec_version: int
) -> Tuple[Optional[Native], Optional[ResizeOp]]:
    """The first native layer that equals the intent at every size, allowed ones first."""
    natives = _preferred(layer.natives(intent), intent)
    for native in sorted(natives, key=lambda n: n.spec_version > spec_version):
        params = native.build(known)
        if params is None or misfit(intent, params, layer) is not None:
            continue
        if rounded_apart(params, layer) is not None:
            continue
        if all(
            pair(intent, params, size, target).equal and not params.left_open(size, target)
            for size, target in known
        ):
            return native, params
    return None, None


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
