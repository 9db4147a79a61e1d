"""Order the native settings by how close they come to an intent."""

from typing import List, NamedTuple, Optional

from coreml_resize_fix.auditing.comparison import Comparisons, pair
from coreml_resize_fix.formats.model import Native, ResizeOp
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import SizePairs
from coreml_resize_fix.intents.model import Intent


class Setting(NamedTuple):
    """A native setting of the right sizes, and its largest shift in source pixels."""

    params: ResizeOp
    max_shift: float


def settings(
    layer: ResizeLayer, comparisons: Optional[Comparisons], spec_version: int
) -> List[Setting]:
    """The layer's own setting and the allowed ones, by their largest shift.

    Of equal shifts, a setting that interpolates or copies as the intent does goes first, then the
    file's own, then the natives in their order of preference.
    """
    if comparisons is None or not comparisons.sizes:
        return []
    asked, sizes = comparisons
    has_own = not layer.params.is_chain and not layer.params.lacks_its_mode
    own = (layer.params,) if has_own else ()
    built = [native.build(sizes) for native in allowed(layer, spec_version)]
    found: List[Setting] = []
    for params in dict.fromkeys([*own, *(params for params in built if params is not None)]):
        shift = _shift(asked, params, sizes)
        if shift is not None:
            found.append(Setting(params, round(shift, 9)))
    return sorted(found, key=lambda s: (s.max_shift, s.params.copies_nearest != asked.is_nearest))


def allowed(layer: ResizeLayer, spec_version: int) -> List[Native]:
    """The natives that the target supports and that do not freeze a flexible model."""
    return [
        native
        for native in layer.natives(None)
        if native.spec_version <= spec_version
        and not (native.fixed_size and layer.input.is_flexible)
    ]


def _shift(intent: Intent, params: ResizeOp, sizes: SizePairs) -> Optional[float]:
    """The largest shift; None if the setting does not make all of the sizes."""
    shifts = [pair(intent, params, *size).max_shift for size in sizes]
    known = [shift for shift in shifts if shift is not None]
    return max(known) if len(known) == len(shifts) else None
