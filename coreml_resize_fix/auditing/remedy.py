"""What would compute an intent in the place of a layer: one native layer, or several layers."""

from typing import List, NamedTuple, Optional, Sequence

from coreml_resize_fix.auditing.comparison import pair
from coreml_resize_fix.auditing.ranges import misfit, rounded_apart
from coreml_resize_fix.formats.model import Native, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import SizePairs
from coreml_resize_fix.intents.model import Intent

# The first native layer that computes the intent: within the target, only above it, or none.
WITHIN, ABOVE, NONE = "within", "above", "none"
# Several layers compute it: they may be used, only with an option, or only above the target.
LAYERS, LAYERS_ASKED, LAYERS_ABOVE = "layers", "layers-asked", "layers-above"
AVAILABILITY = (WITHIN, LAYERS, LAYERS_ASKED, ABOVE, LAYERS_ABOVE, NONE)


class Allowed(NamedTuple):
    """What a fix may use: layers up to a specification version, the highest of the target.

    `decompose` allows several layers in the place of one. `rewrite_downscales` asks for another
    operation where the one in the file is right and in doubt.
    """

    spec_version: int
    decompose: bool = False
    rewrite_downscales: bool = False


class Remedy(NamedTuple):
    """Parameters that compute an intent, if any do, and how they can be had.

    `freezes`: they have a fixed size, unlike the layer in the file.
    """

    availability: str
    params: Optional[ResizeOp] = None
    spec_version: int = 1  # that `params` need
    freezes: bool = False


def find_remedy(layer: ResizeLayer, intent: Intent, sizes: SizePairs, allowed: Allowed) -> Remedy:
    """One native layer if the target allows it, else several layers, else what an option allows."""
    single = _single_layer(layer, intent, sizes, allowed)
    if single.availability == WITHIN and not _freezes_model(layer, single):
        return single
    if layer.place is None:
        return single
    from coreml_resize_fix.auditing import decomposition

    offer = decomposition.offer(layer, intent, sizes, allowed.spec_version)
    if offer is None or misfit(intent, offer.params, layer) is not None:
        return single
    if offer.spec_version <= allowed.spec_version:
        availability = LAYERS if allowed.decompose else LAYERS_ASKED
        return Remedy(availability, offer.params, offer.spec_version)
    if single.availability != NONE and not _freezes_model(layer, single):
        return single
    return Remedy(LAYERS_ABOVE, offer.params, offer.spec_version)


def _freezes_model(layer: ResizeLayer, remedy: Remedy) -> bool:
    return remedy.freezes and layer.input.is_flexible


def _single_layer(layer: ResizeLayer, intent: Intent, sizes: SizePairs, allowed: Allowed) -> Remedy:
    """The first native layer that equals the intent at every size, allowed ones first."""
    natives = _preferred(layer.natives(intent), intent)
    for native in sorted(natives, key=lambda one: one.spec_version > allowed.spec_version):
        params = native.build(sizes)
        if params is not None and _computes(params, layer, intent, sizes):
            freezes = (
                native.fixed_size and layer.params.fixed_size is None and not intent.is_one_size
            )
            availability = WITHIN if native.spec_version <= allowed.spec_version else ABOVE
            return Remedy(availability, params, native.spec_version, freezes)
    return Remedy(NONE)


def _preferred(natives: Sequence[Native], intent: Intent) -> List[Native]:
    """The natives in order of preference for a call.

    Those that copy pixels come last for a call that does not say so: from one pixel they equal any
    call, and the result would no longer show what was asked for.
    """
    return sorted(natives, key=lambda native: native.nearest and not intent.is_nearest)


def _computes(params: ResizeOp, layer: ResizeLayer, intent: Intent, sizes: SizePairs) -> bool:
    """Whether a native layer computes the intent at every size that the layer's input may have."""
    if misfit(intent, params, layer) is not None or rounded_apart(params, layer) is not None:
        return False
    return all(
        pair(intent, params, size, target).equal and not params.left_open(size, target)
        for size, target in sizes
    )
