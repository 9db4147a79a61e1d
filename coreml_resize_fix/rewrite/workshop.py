"""Hands exact replacements of several layers to the audit, when it first asks for one.

Most audits find a native layer for everything, and what several layers compute is worked out with
NumPy, whose import alone costs as much as the rest of a small audit.
"""

from typing import Callable, Optional

from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.auditing.workshop import Offer, Sizes
from coreml_resize_fix.auditing.workshop import Workshop as Interface
from coreml_resize_fix.intents.model import Intent


class Workshop(Interface):
    """`open` is whether `--decompose` was given; `in_half` asks how the network stores weights."""

    def __init__(self, is_open: bool, in_half: Callable[[], bool] = lambda: False) -> None:
        self.open = is_open
        self._in_half = in_half

    def offer(
        self, layer: ResizeLayer, intent: Intent, sizes: Sizes, spec_version: int
    ) -> Optional[Offer]:
        """The cheapest exact layers up to that version, else those of the lowest version."""
        from coreml_resize_fix.rewrite import offers

        return offers.best(layer, intent, sizes, spec_version, self._in_half)

    def computes(self, layer: ResizeLayer, intent: Intent, sizes: Sizes) -> bool:
        """Whether the layers in the file are, byte for byte, those made for this intent."""
        from coreml_resize_fix.rewrite import offers

        return offers.computes(layer, intent, sizes)
