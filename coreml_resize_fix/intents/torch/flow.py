"""Track on which resizes the outputs of a model depend, operator by operator while it runs.

The result of an operator depends on all that its inputs depend on. Numbers that Python reads from a
tensor may decide anything afterwards, and a tensor that no operator made may hold any result. So a
resize counts as unused only if no output can depend on it.
"""

import importlib
from dataclasses import fields, is_dataclass
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import numpy as np

from coreml_resize_fix.intents.torch import calls

# Tags of operators that give Python numbers, directly or as the shape of the result.
_RESULTS_FOR_PYTHON = {"data_dependent_output", "dynamic_output_shape"}
# They take a tensor made of Python's numbers, and what Python has read is tracked.
_FROM_PYTHON = ("aten::lift_fresh", "aten::lift")
# Batch normalization writes these, although not every schema declares it.
_STATISTICS = ("running_mean", "running_var")
# Values without a tensor; if they came from one, its numbers were read.
_PLAIN = (bool, int, float, complex, str, bytes, np.generic)

_INPUTS = 1  # the bit of what the model was given


class Flow:
    """One run of a model, with these inputs and tensors of its own.

    What a tensor depends on is a whole number: bit 0 for the inputs, bit k + 1 for resize k.
    """

    def __init__(self, inputs: Any, known: Any) -> None:
        self._by_storage: Dict[int, Tuple[Any, int]] = {}
        self._made = _INPUTS
        self._read = 0
        for tensor in _tensors(inputs):
            self._add(tensor, _INPUTS)
        for tensor in _tensors(known):
            self._add(tensor, 0)

    def is_parameter(self, tensor: Any) -> bool:
        """Whether it is certain that no input of the model decides what is in a tensor."""
        return not (self._of(tensor) | self._read) & _INPUTS

    def resized(self, index: int, result: Any) -> None:
        """Note that resize `index` made `result`."""
        self._made |= 2 << index
        self._add(result, 2 << index)

    def replaced(self, result: Any, other: Any) -> None:
        """Note that the model continues with `other` in the place of `result`."""
        self._add(other, self._of(result))

    def read(self, tensor: Any) -> None:
        """Note that Python reads the numbers in `tensor`."""
        self._read |= self._of(tensor)

    def follow(self, function: Any, args: Any, keywords: Dict[str, Any], result: Any) -> None:
        """Note that `function` was executed with these arguments and returned `result`."""
        schema = function._schema
        sources = list(_tensors((args, keywords)))
        if schema.name in _FROM_PYTHON:
            sources = [tensor for tensor in sources if self._is_known(tensor)]
        depends = 0
        for tensor in sources:
            depends |= self._of(tensor)
        is_read = any(tag.name in _RESULTS_FOR_PYTHON for tag in function.tags)
        # Operators of other libraries may give numbers by their shapes.
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
        """The resizes on which no output depends; empty if that is not certain."""
        found = _outputs(outputs, set())
        if not found:
            return set()
        used = self._read
        for tensor in found:
            used |= self._of(tensor)
        left = (self._made & ~used) >> 1
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
    """A weak reference to the memory of a tensor; while it exists, its `cdata` is unique.

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
    """All that a model and its parts hold: tensors that no operator of the run made."""
    inside = [list(vars(part).values()) for part in model.modules()]
    return [*inside, list(model.parameters()), list(model.buffers())]


def _tensors(value: Any) -> Iterator[Any]:
    if calls.is_tensor(value):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _holds_a_number(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_a_number(item) for item in value)
    return value is not None and not calls.is_tensor(value)


def _outputs(value: Any, seen: Set[int]) -> Optional[List[Any]]:
    """The tensors in the result of a model; None if some object may hide more."""
    if calls.is_tensor(value):
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
