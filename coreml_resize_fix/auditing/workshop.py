"""What the audit needs to know of replacements that are made of several layers.

They are built above this room (`rewrite`), so the audit is handed a workshop that offers them.
"""

from typing import NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.coreml.resize_params import Composite
from coreml_resize_fix.intents.model import Intent

Size = Tuple[int, int]
Sizes = Sequence[Tuple[Size, Size]]  # (input, intended output) at every size to hold at


class Offer(NamedTuple):
    """Layers that compute an intent, and the specification version that they need."""

    params: Composite
    spec_version: int


class Workshop:
    """Offers nothing; `open` says whether what is offered may be used without being asked for."""

    open = False

    def offer(
        self, layer: ResizeLayer, intent: Intent, sizes: Sizes, spec_version: int
    ) -> Optional[Offer]:
        """The cheapest exact layers up to that version, else those of the lowest version."""
        return None

    def computes(self, layer: ResizeLayer, intent: Intent, sizes: Sizes) -> bool:
        """Whether the several layers in the file are those that are made for this intent."""
        return False


NO_WORKSHOP = Workshop()
