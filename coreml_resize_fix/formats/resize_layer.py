"""A resize layer as the audit sees it: parameters, sizes and names, no protobuf."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import FrozenSet, List, Optional, Sequence, Tuple

from coreml_resize_fix.formats.beside import Beside
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.replacements.format import Place

Size = Tuple[int, int]

STATIC, FLEXIBLE, UNKNOWN = "static", "flexible", "unknown"

_MODULE_PATH = re.compile(r"^\w+(\.\w+)*$")
_REPEATED = re.compile(r"_\d+$")


@dataclass(frozen=True)
class ResizeLayer:
    """`input_size` is (height, width), None unless `shape` is static.

    `sizes` are the input sizes to compare at: one for a static layer, several for a flexible one.
    `ranges` are the first and last height and width of a flexible input, unless `sizes` lists all
    of them (`listed`). `partial_size` has the known sides of an unknown or varying input.
    `default_size` is a varying input's size at the default size of the model's input, if known.
    `original_address` is the address before layers of the network were replaced by several.
    `place` is where several layers would replace this one.
    `call` is the mode and whether it antialiases, if its name says from which call it comes.
    `beside` are the tensors whose size it may have to make, where that was looked for.
    `modern`: Apple's validator accepts a layer of iOS 13 and later in this place.
    """

    address: str
    name: str
    blobs: Tuple[str, ...]
    params: ResizeOp
    shape: str
    input_size: Optional[Size] = None
    sizes: Tuple[Size, ...] = ()
    channels: Optional[int] = None
    modern: bool = False
    size_reason: str = ""
    place: Optional[Place] = None
    original_address: str = ""
    ranges: Tuple[Tuple[int, int], ...] = ()
    listed: bool = False
    partial_size: Tuple[Optional[int], Optional[int]] = (None, None)
    default_size: Optional[Size] = None
    call: Optional[Tuple[str, bool]] = None
    beside: Optional[Beside] = None

    @property
    def kind(self) -> str:
        return self.params.kind

    def allows(self, size: Size) -> bool:
        """Whether its input may have that size, as far as that is known."""
        if self.shape == STATIC or self.listed:
            return size in self.sizes
        if self.ranges:
            return all(low <= side <= high for side, (low, high) in zip(size, self.ranges))
        return all(known in (None, side) for known, side in zip(self.partial_size, size))

    @property
    def follows(self) -> bool:
        """Whether its output size follows from the blob that it reads, of one size.

        The last of several layers reads what the others made, which has another size.
        """
        return self.shape != FLEXIBLE and not self.params.is_chain

    @property
    def output_size(self) -> Optional[Size]:
        """The output size; a fixed one is known even if the input size is not."""
        if self.input_size is not None:
            return self.params.output_size(self.input_size)
        return self.params.fixed_size


@lru_cache(maxsize=4096)
def module_paths(name: str) -> FrozenSet[str]:
    """Module paths that a node or blob name of PyTorch's exporter (1.13 and later) may stand for.

    `/decoder.0/up/Upsample` is `decoder.0.up`; a part that begins with the part before it and a
    dot replaces it (`/head/head.1/Upsample` is `head.1`). A module that runs again gets `_1`, which
    may also be part of a module's own name, so both readings are given.
    """
    if not name.startswith("/"):
        return frozenset()
    path: List[str] = []
    for part in name.strip("/").split("/")[:-1]:
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        else:
            path.append(part)
    if not path:
        return frozenset()
    exact = ".".join(path)
    stem, _, count = exact.rpartition("_")
    return frozenset([exact, stem] if stem and count.isdigit() else [exact])


def may_be_of_module(module: str, name: str) -> bool:
    """Whether a layer of that name may be a call of that module; True if its name has no path.

    A model that was exported inside another one has a longer path. A module that runs again may
    have `_1` at any part of it.
    """
    if not _MODULE_PATH.match(module) and not module.startswith("/"):
        return True
    called = module_paths(module) if module.startswith("/") else frozenset([module])
    exported = module_paths(name)
    if not called or not exported:
        return True
    return any(
        _same_module(one.split("."), other.split(".")) for one in called for other in exported
    )


def _same_module(called: Sequence[str], exported: Sequence[str]) -> bool:
    pairs = zip(reversed(called), reversed(exported))
    return all(one == other or one == _REPEATED.sub("", other) for one, other in pairs)
