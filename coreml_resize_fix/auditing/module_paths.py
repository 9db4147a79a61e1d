"""The module paths of PyTorch in the names of nodes, as its exporter writes them."""

import re
from functools import lru_cache
from typing import FrozenSet, List, Sequence

_MODULE_PATH = re.compile(r"^\w+(\.\w+)*$")
_REPEATED = re.compile(r"_\d+$")


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
