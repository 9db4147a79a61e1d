"""A resize layer as the audit sees it: parameters, sizes, names and what may take its place."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix.formats.input_sizes import InputSizes
from coreml_resize_fix.formats.other_tensors import OtherTensors
from coreml_resize_fix.formats.resize_op import ResizeOp
from coreml_resize_fix.formats.shapes import Size, SizePairs
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.replacements.format import Place
from coreml_resize_fix.short_repr import shortened

_MODULE_PATH = re.compile(r"^\w+(\.\w+)*$")
_REPEATED = re.compile(r"_\d+$")


class Native(NamedTuple):
    """A single layer or operation: `build` gives it for these sizes, or None if it cannot."""

    name: str
    spec_version: int
    fixed_size: bool
    nearest: bool
    modern: bool  # counts as a layer of iOS 13 and later (see `ResizeLayer.modern`)
    build: Callable[[SizePairs], Optional[ResizeOp]]


FindNatives = Callable[["ResizeLayer", Optional[Intent]], Sequence[Native]]


def no_natives(layer: "ResizeLayer", intent: Optional[Intent]) -> Sequence[Native]:
    """Of what nothing replaces: it is right, or does not stand for the call."""
    return ()


@dataclass(frozen=True)
class ResizeLayer:
    """`input` are the sizes of the map that it reads.

    `original_address` is the address before a fix added layers or operations.
    `place` is where several layers would replace this one.
    `call` is the mode and whether it antialiases, if its name says from which call it comes.
    `others` are the tensors whose size it may have to make, where that was looked for.
    `modern`: Apple's validator accepts a layer of iOS 13 and later in this place.
    `find_natives` is what its format knows of single layers that may take its place.
    """

    address: str
    name: str
    blobs: Tuple[str, ...]
    params: ResizeOp
    input: InputSizes
    channels: Optional[int] = None
    modern: bool = False
    place: Optional[Place] = None
    original_address: str = ""
    call: Optional[Tuple[str, bool]] = None
    others: Optional[OtherTensors] = None
    find_natives: FindNatives = no_natives

    def __repr__(self) -> str:
        return f"ResizeLayer({self.described}: {self.params})"

    def natives(self, intent: Optional[Intent]) -> Sequence[Native]:
        """The single layers or operations that may take its place, the preferred first."""
        return self.find_natives(self, intent)

    @property
    def described(self) -> str:
        """Its name and its address, in a few words."""
        return f"{shortened(self.name)} at {self.address}"

    @property
    def kind(self) -> str:
        return self.params.kind

    @property
    def follows(self) -> bool:
        """Whether its output size follows from the blob that it reads, of one size.

        The last of several layers reads what the others made, which has another size, and a size
        that is computed at run time follows other tensors.
        """
        by_itself = not self.params.is_chain and not self.params.computes_size
        return by_itself and not self.input.is_flexible

    @property
    def output_size(self) -> Optional[Size]:
        """The output size; a fixed one is known even if the input size is not."""
        if self.input.size is not None:
            return self.params.output_size(self.input.size)
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
