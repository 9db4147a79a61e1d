"""What the names in a manifest mean: addresses go first, then names of layers, then of blobs."""

from typing import Dict, List, Sequence

from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.words import quoted

_MOST_NAMES, _LONGEST = 1000, 200  # that are compared with a wrong name, which takes their product


class LayerNames:
    """The layers by everything that names them."""

    def __init__(self, layers: Sequence[ResizeLayer]) -> None:
        # A manifest with addresses was written before a fix added layers or operations.
        readings = (
            [(layer.original_address or layer.address,) for layer in layers],
            [(layer.address,) for layer in layers],
            [(layer.name,) for layer in layers],
            [layer.blobs for layer in layers],
        )
        self._by_name: Dict[str, List[ResizeLayer]] = {}
        for reading in readings:
            found: Dict[str, List[ResizeLayer]] = {}
            for layer, names in zip(layers, reading):
                for name in dict.fromkeys(names):
                    found.setdefault(name, []).append(layer)
            self._by_name = {**found, **self._by_name}
        self._shown = list(dict.fromkeys(map(self._key, layers)))

    def named(self, key: str) -> List[ResizeLayer]:
        """The layers that a key names."""
        return self._by_name.get(key, [])

    def _key(self, layer: ResizeLayer) -> str:
        """What names this layer and no other: its name, if it is its own."""
        named = self.named(layer.name) if layer.name else []
        alone = len(named) == 1 and named[0] is layer
        return layer.name if alone else layer.original_address or layer.address

    def why_none(self, key: str, label: str) -> str:
        """Why a key names no layer or several, and which name is near; nothing if it names one.

        `label` is what the intent is called in the same sentence.
        """
        found = self.named(key)
        if len(found) == 1:
            return ""
        if found:
            at = " or ".join(f"`{layer.address}`" for layer in found[:2])
            return f"`{key}` names {len(found)} resize layers: write an address, such as {at}"
        near = self._near(key)
        what = "has this name" if key == label else f"is named `{key}`"
        return f"no resize layer {what}" + (f"; did you mean `{near}`?" if near else "")

    def _near(self, key: str) -> str:
        from difflib import get_close_matches

        known = [name for name in self._shown[:_MOST_NAMES] if len(name) <= _LONGEST]
        return (get_close_matches(key[:_LONGEST], known, 1) or [""])[0]

    def listed(self, most: int) -> str:
        """Which names a manifest may use."""
        if not self._shown:
            return "there is no resize layer to name"
        more = len(self._shown) - most
        names = quoted(self._shown[:most])
        return f"name one of {names}" + (f" and {more} more" if more > 0 else "")
