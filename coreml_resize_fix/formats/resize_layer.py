"""A resize layer as the audit sees it: parameters, sizes and names, no protobuf."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import FrozenSet, List, Optional, Sequence, Tuple

from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.replacements.format import Place

Size = Tuple[int, int]

STATIC, FLEXIBLE, UNKNOWN = "static", "flexible", "unknown"

_MODULE_PATH = re.compile(r"^\w+(\.\w+)*$")
_REPEATED = re.compile(r"_\d+$")


@dataclass(frozen=True)
class ResizeLayer:
    """`input_size` is (height, width), None unless `shape` is static.

    `sizes` are the inputs to compare at: the one of a static layer, several of a flexible one,
    whose `ranges` are the first and last (height, width) that it may get, unless `sizes` are all
    that there are (`listed`). `partial_size` is what is known of one that is unknown or varies.
    `default_size` is what a varying one is at the default size of the model's input, if known.
    `original_address` is that before several layers stood in for others of the network.
    `place` is where several layers would stand in for it.
    `call` is the mode and whether with antialias, where its name says from which call it comes.
    `modern` says whether Apple's validator accepts a layer of iOS 13 and later in this place.
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

    @property
    def kind(self) -> str:
        return self.params.kind

    @property
    def follows(self) -> bool:
        """Whether its output can be told from what it reads itself, at the one size that it gets.

        Of several layers, the last reads what those before it made, which is of another size.
        """
        return self.shape != FLEXIBLE and not self.params.is_chain

    @property
    def output_size(self) -> Optional[Size]:
        """What the layer makes of its input, where that is known without the input's size, too."""
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
    """Whether a layer of that name may be a call of that module; True where its name says nothing.

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
