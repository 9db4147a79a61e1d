"""From which call an operation comes, as coremltools remembers it in the process that converted it.

An MLModel that `coremltools.convert` returned holds its program (`_mil_program`, since
coremltools 7.2), whose operations have scopes: the modules around a traced call, or the stack of
Python where an exported one stands. Neither is written to a file. The attribute is a private one,
so whatever is not there, or has another form, says nothing.
"""

import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from coreml_resize_fix.intents.sites import site_outside_torch

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


class Origin(NamedTuple):
    """`modules` are the modules around a call, () if it is the model's own; None: not known.

    Before coremltools 9.1 those are left out that were not called themselves, as a ModuleList never
    is (not `complete`). `site` is the place of a call outside of PyTorch (`net.py:14`), if known.
    """

    modules: Optional[Tuple[str, ...]] = None
    complete: bool = False
    site: Optional[str] = None

    def may_be_of(self, module: str) -> bool:
        """Whether it may be a call by the module of that path ("" is the model itself)."""
        path = module.split(".") if module else []
        if self.modules is None or self.complete:
            return self.modules == tuple(path)
        if not self.modules or not path:
            return not self.modules and not path
        rest = iter(path)
        return self.modules[-1] == path[-1] and all(part in rest for part in self.modules)


def origins(model: Any) -> Dict[str, Origin]:
    """The origin of each value that an MLModel remembers one of, by the value's name.

    Empty for a model that was not converted in this process. A name that several functions have
    is left out.
    """
    found: Dict[str, Origin] = {}
    several: Set[str] = set()
    try:
        for operation in _operations(model._mil_program):
            origin = _origin(operation.scopes)
            for value in operation.outputs:
                several.update([value.name] if found.get(value.name, origin) != origin else [])
                found[value.name] = origin
    except Exception:  # a private attribute of another package: it may be anything
        return {}
    known = found.items()
    return {name: one for name, one in known if one != Origin() and name not in several}


def _operations(program: Any) -> Iterator[Any]:
    waiting: List[Any] = list(program.functions.values())
    while waiting:
        for operation in waiting.pop().operations:
            yield operation
            waiting.extend(operation.blocks)


def _origin(scopes: Any) -> Origin:
    given = {getattr(source, "name", source): list(data) for source, data in scopes.items()}
    names = given.get("TORCHSCRIPT_MODULE_NAME")  # the last is the value's own
    path = given.get("TORCHSCRIPT_MODULE_PATH")
    if path:
        return Origin(tuple(map(str, path)), complete=True)
    if names:
        return Origin(tuple(map(str, names[:-1])))
    stack = given.get("EXIR_STACK_TRACE") or [None]
    return Origin(site=_site(stack[-1])) if isinstance(stack[-1], str) else Origin()


def _site(stack: str) -> Optional[str]:
    """The innermost place outside of PyTorch, as the recorder writes it (`Intent.site`)."""
    lines = ((path, int(line)) for path, line in reversed(_FRAME.findall(stack)))
    return site_outside_torch(lines)
