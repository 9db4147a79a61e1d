"""Copy the inputs and outputs of a resize and of a whole Keras model, of any backend."""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.intents.tensors import Recorded

LAST, FIRST = "channels_last", "channels_first"

Named = List[Tuple[str, Any]]


class Maps(NamedTuple):
    """The sizes of a map, of a batch or alone; None where a size is not known."""

    height: Optional[int]
    width: Optional[int]
    channels: Optional[int]

    @property
    def size(self) -> Optional[Tuple[int, int]]:
        if self.height is None or self.width is None:
            return None
        return self.height, self.width


def maps(tensor: Any, data_format: str) -> Maps:
    """The sizes of a tensor; those that a trace leaves open are not known."""
    shape = [None if side is None else _whole(side) for side in list(tensor.shape)]
    if data_format == FIRST:
        return Maps(shape[-2], shape[-1], shape[-3])
    return Maps(shape[-3], shape[-2], shape[-1])


def _whole(side: Any) -> Optional[int]:
    side = getattr(side, "value", side)  # TensorFlow 1 has dimensions instead of numbers
    return side if side is None else int(side)


def array(value: Any) -> Optional[np.ndarray]:
    """A copy of a tensor, of float32 for whatever is a fraction; None if it has no numbers."""
    try:
        if hasattr(value, "detach"):  # PyTorch's
            plain = value.detach().cpu()
            value = (plain.float() if plain.is_floating_point() else plain).numpy()
        found = np.asarray(value).copy()
        if found.dtype.kind in "fV":  # V: bfloat16, which NumPy itself does not have
            found = found.astype(np.float32)
    except Exception:  # which one says that a tensor is symbolic depends on the framework
        return None
    return found if found.dtype.kind in "fiub" else None


def recorded(source: Any, result: Any, data_format: str) -> Optional[Recorded]:
    """The input and output of one resize as N×C×H×W of float32; None if they have no values."""
    arrays = [array(source), array(result)]
    found = [_nchw(one, data_format) for one in arrays if one is not None]
    return Recorded(*found) if len(found) == len(arrays) else None


def _nchw(values: np.ndarray, data_format: str) -> np.ndarray:
    batch = values if values.ndim == 4 else values[np.newaxis]
    ordered = batch if data_format == FIRST else batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(ordered, np.float32)


def leaves(value: Any, name: str = "") -> Iterator[Tuple[str, Any]]:
    """The tensors in a value in Keras's order, with the keys of dictionaries; None is no tensor."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from leaves(value[key], str(key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item, name)
    elif value is not None:
        yield name, value


def named(found: Named, names: Sequence[str], default: str) -> Dict[str, Any]:
    """Values by the model's own names if it has as many, else by their keys, else by place."""
    values: Dict[str, Any] = {}
    given = names if len(names) == len(found) else [key for key, _ in found]
    for place, (name, (_, value)) in enumerate(zip(given, found)):
        key = name or default.format(place)
        while key in values:
            key += "_"
        values[key] = value
    return values


def input_names(model: Any) -> List[str]:
    """The names of a model's inputs: those of their layers; none for a model without a graph."""
    found = getattr(model, "input_names", None)
    if found is None:
        tensors = [tensor for _, tensor in leaves(getattr(model, "inputs", None))]
        found = [tensor._keras_history[0].name for tensor in tensors]
    return list(map(str, found))


def output_names(model: Any) -> List[str]:
    """The names of a model's outputs: those of the layers that make them."""
    return list(map(str, getattr(model, "output_names", None) or ()))
