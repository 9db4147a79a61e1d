"""A resize layer as the audit sees it: parameters, sizes and names, no protobuf."""

from dataclasses import dataclass
from typing import FrozenSet, List, Optional, Tuple

from coreml_resize_fix.coreml.resize_params import Composite, ResizeParams

Size = Tuple[int, int]

STATIC, FLEXIBLE, UNKNOWN = "static", "flexible", "unknown"


@dataclass(frozen=True)
class Place:
    """What several layers must know of the place where they stand in for one.

    `rank` and `sequence` (the size of the first of five dimensions) are None where not known;
    `blob` is the one that is read; the names are those that exist in the network.
    """

    blob: str
    rank: Optional[int]
    sequence: Optional[int]
    exact_mapping: bool
    names: FrozenSet[str]
    blobs: FrozenSet[str]


@dataclass(frozen=True)
class ResizeLayer:
    """`input_size` is (height, width), None unless `shape` is static.

    `sizes` are the inputs to compare at: the one of a static layer, several of a flexible one,
    whose `ranges` are the first and last (height, width) that it may get, unless `sizes` are all
    that there are (`listed`). `partial_size` is what is known of one that is unknown or varies.
    `default_size` is what a varying one is at the default size of the model's input, if known.
    `original_address` is that before several layers stood in for others of the network.
    `modern` says whether Apple's validator accepts a layer of iOS 13 and later in this place.
    """

    address: str
    name: str
    blobs: Tuple[str, ...]
    params: ResizeParams
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

    @property
    def kind(self) -> str:
        return self.params.kind

    @property
    def follows(self) -> bool:
        """Whether its output can be told from what it reads itself, at the one size that it gets.

        Of several layers, the last reads what those before it made, which is of another size.
        """
        return self.shape != FLEXIBLE and not isinstance(self.params, Composite)

    @property
    def output_size(self) -> Optional[Size]:
        """What the layer makes of its input, where that is known without the input's size, too."""
        if self.input_size is not None:
            return self.params.output_size(self.input_size)
        return self.params.fixed_size


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
