"""On which resizes the outputs of a model depend, followed operator by operator while it runs.

Every operator hands what its inputs depend on to its results. Numbers that Python reads from a
tensor may steer anything afterwards, and a tensor that no operator made may hold anything, so that
a resize is only called unused where nothing can lead from it to an output.
"""

import importlib
import threading
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

import numpy as np

from coreml_resize_fix.intents import torch_calls

# Ways to read a tensor's numbers that are no operators.
_READERS = ("numpy", "tolist", "data_ptr", "__dlpack__")
# Tags of operators whose results tell Python numbers: as such, or by the shape that they have.
_RESULTS_FOR_PYTHON = {"data_dependent_output", "dynamic_output_shape"}
# It takes a tensor made of Python's numbers, and what Python has read is known.
_FROM_PYTHON = ("aten::lift_fresh", "aten::lift")
# Batch normalization writes these, which not every version's schema says.
_STATISTICS = ("running_mean", "running_var")
# These hold no tensor, and what they may tell of one was read from it.
_PLAIN = (bool, int, float, complex, str, bytes, np.generic)


class Flow:
    """One run of a model. Sets of resizes are whole numbers, with bit k for resize k."""

    def __init__(self, known: Any) -> None:
        self._by_storage: Dict[int, Tuple[Any, int]] = {}
        self._made = 0
        self._read = 0
        for tensor in _tensors(known):
            self._add(tensor, 0)

    def resized(self, index: int, result: Any) -> None:
        """`result` is what resize `index` made."""
        self._made |= 1 << index
        self._add(result, 1 << index)

    def replaced(self, result: Any, other: Any) -> None:
        """The model goes on with `other` in the place of `result`."""
        self._add(other, self._of(result))

    def read(self, tensor: Any) -> None:
        """Python gets to know the numbers in `tensor`."""
        self._read |= self._of(tensor)

    def follow(self, function: Any, args: Any, keywords: Dict[str, Any], result: Any) -> None:
        """`function` was executed with these arguments, and gave `result`."""
        schema = function._schema
        sources = list(_tensors((args, keywords)))
        if schema.name in _FROM_PYTHON:
            sources = [tensor for tensor in sources if self._is_known(tensor)]
        depends = 0
        for tensor in sources:
            depends |= self._of(tensor)
        is_read = any(tag.name in _RESULTS_FOR_PYTHON for tag in function.tags)
        # What other libraries' operators tell by their shapes is not known.
        if is_read or not schema.name.startswith("aten::") or _holds_a_number(result):
            self._read |= depends
        for tensor in _tensors(result):
            self._add(tensor, depends)
        for argument, value in zip(schema.arguments, args):
            self._add_written(argument, value, depends)
        for argument in schema.arguments:
            if argument.name in keywords:
                self._add_written(argument, keywords[argument.name], depends)

    def unused(self, outputs: Any) -> Set[int]:
        """The resizes on which no output depends; none if that cannot be known."""
        found = _outputs(outputs, set())
        if not found:
            return set()
        used = self._read
        for tensor in found:
            used |= self._of(tensor)
        left = self._made & ~used
        return {index for index in range(left.bit_length()) if left >> index & 1}

    def _add_written(self, argument: Any, value: Any, depends: int) -> None:
        alias = argument.alias_info
        if (alias is not None and alias.is_write) or argument.name in _STATISTICS:
            for tensor in _tensors(value):
                self._add(tensor, depends)

    def _is_known(self, tensor: Any) -> bool:
        storage = _storage(tensor)
        return storage is not None and storage.cdata in self._by_storage

    def _of(self, tensor: Any) -> int:
        storage = _storage(tensor)
        if storage is None:
            return self._made
        _, depends = self._by_storage.get(storage.cdata, (None, self._made))
        return depends

    def _add(self, tensor: Any, depends: int) -> None:
        storage = _storage(tensor)
        if storage is not None:
            kept, before = self._by_storage.get(storage.cdata, (storage, 0))
            self._by_storage[storage.cdata] = kept, before | depends


def _storage(tensor: Any) -> Optional[Any]:
    """A weak reference to a tensor's memory: while it is held, no other memory has its `cdata`.

    None for tensors without memory of their own, such as sparse ones.
    """
    try:
        memory = (
            tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor._storage()
        )
        return importlib.import_module("torch.multiprocessing.reductions").StorageWeakRef(memory)
    except (AttributeError, NotImplementedError, RuntimeError):
        return None


def state(model: Any) -> List[Any]:
    """What a model and its parts hold: tensors there are made by no operator of its run."""
    inside = [list(vars(part).values()) for part in model.modules()]
    return [*inside, list(model.parameters()), list(model.buffers())]


def _tensors(value: Any) -> Iterator[Any]:
    if torch_calls.is_tensor(value):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _holds_a_number(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_a_number(item) for item in value)
    return value is not None and not torch_calls.is_tensor(value)


def _outputs(value: Any, seen: Set[int]) -> Optional[List[Any]]:
    """The tensors in what a model returns; None if there is something that may hide some."""
    if torch_calls.is_tensor(value):
        return [value]
    if value is None or isinstance(value, _PLAIN) or id(value) in seen:
        return []
    if isinstance(value, np.ndarray):
        return None if value.dtype.hasobject else []
    seen.add(id(value))
    if isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, (list, tuple)):
        items = list(value)
    elif is_dataclass(value) and not isinstance(value, type):
        items = [getattr(value, field.name, None) for field in fields(value)]
    else:
        return None
    # A subclass of these may have attributes, too.
    items += list(getattr(value, "__dict__", {}).values())
    found: List[Any] = []
    for item in items:
        inner = _outputs(item, seen)
        if inner is None:
            return None
        found += inner
    return found


# Gives the flow of what a recorder follows at the moment.
Current = Callable[[], Optional[Flow]]


class _Thread(threading.local):
    def __init__(self) -> None:
        self.current: List[Current] = []


_thread = _Thread()
_lock = threading.Lock()
_methods: Dict[str, Any] = {}  # what the class of tensors itself had under that name, or None
_listeners = 0


def replaced(result: Any, other: Any) -> None:
    """Tell every flow of this thread that a model goes on with `other` instead of `result`."""
    for flow in _flows():
        flow.replaced(result, other)


def _flows() -> List[Flow]:
    found = [current() for current in _thread.current]
    return [flow for flow in found if flow is not None]


@contextmanager
def observe(current: Current) -> Iterator[None]:
    """Tell a flow which tensors this thread reads without an operator, and which it replaces."""
    global _listeners
    kind = torch_calls.import_torch().Tensor
    with _lock:
        if not _listeners:
            for name in _READERS:
                _methods[name] = vars(kind).get(name)
                setattr(kind, name, _reporting_reads(getattr(kind, name)))
        _listeners += 1
    _thread.current.append(current)
    try:
        yield
    finally:
        _thread.current[:] = [other for other in _thread.current if other is not current]
        with _lock:
            _listeners -= 1
            if not _listeners:
                for name, before in _methods.items():
                    if before is None:
                        delattr(kind, name)
                    else:
                        setattr(kind, name, before)


def _reporting_reads(method: Any) -> Any:
    def reading(tensor: Any, *args: Any, **keywords: Any) -> Any:
        for flow in _flows():
            flow.read(tensor)
        return method(tensor, *args, **keywords)

    return reading
