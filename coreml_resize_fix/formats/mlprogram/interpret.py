"""Compute the operations of a replacement with the executor's functions, for its proof.

Arithmetic is in float64, on the weights as stored.
"""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.data_types import LETTERS
from coreml_resize_fix.formats.mlprogram.execute.call import Call
from coreml_resize_fix.formats.mlprogram.execute.table import KINDS
from coreml_resize_fix.formats.mlprogram.program import Argument, Operation, Variable
from coreml_resize_fix.formats.mlprogram.steps import Constant, Held, Made, Packed, Read, Step
from coreml_resize_fix.verify.kernels.checks import KernelError

_DOUBLE = np.dtype(np.float64)


def call(step: Step, image: Optional[np.ndarray] = None) -> Call:
    """A step as the executor takes an operation; without an image it has its constants only."""
    bound = {
        name: given
        for name, given in step.inputs
        if isinstance(given, (Constant, Packed)) or image is not None
    }

    def read(name: Any) -> np.ndarray:
        given = bound[name]
        if isinstance(given, (Constant, Packed)):
            return _numbers(name, given)
        assert image is not None
        return image

    inputs: Dict[str, Tuple[Argument, ...]] = {name: (name,) for name in bound}
    output = Variable(step.kind, None)
    return Call(Operation("", step.kind, step.kind, inputs, (output,), (), {}), read, _DOUBLE)


def _numbers(name: str, held: Held) -> np.ndarray:
    """A constant in its shape; of floating numbers as float64.

    Raises:
        KernelError: it does not fill its shape, is not finite, or lies elsewhere.
    """
    letter = LETTERS.get(held.data_type)
    if isinstance(held, Packed) and letter is not None:
        found = np.frombuffer(held.data, f"<{letter}")
    elif isinstance(held, Constant):
        found = np.array(held.numbers, letter)
    else:
        raise KernelError(f"has numbers in `{name}` that are not known here")
    if found.size != int(np.prod(held.dims, dtype=np.int64)):
        raise KernelError(f"has numbers in `{name}` that do not fill its shape")
    if found.dtype.kind == "f":
        found = found.astype(np.float64)
        if not np.isfinite(found).all():
            raise KernelError(f"has numbers in `{name}` that are not finite")
    return found.reshape(held.dims)


def run_on_images(operations: Sequence[Step], images: np.ndarray, rank: int) -> np.ndarray:
    """What operations, one after the other, make of images: (…, H, W) → (…, H', W').

    Images take the place of channels.

    Raises:
        KernelError: an operation is not known here, or used as its documentation forbids.
    """
    planes = np.asarray(images, np.float64).reshape((-1,) + images.shape[-2:])
    groups = [call(one).array("weight").shape[0] for one in operations if "weight" in call(one)]
    channels = min([len(planes), *groups])
    made: List[np.ndarray] = []
    for first in range(0, len(planes), channels):
        # The last ones repeat, so that there are as many as channels.
        part = planes[np.minimum(np.arange(first, first + channels), len(planes) - 1)]
        result = part.reshape((1,) * (rank - 3) + part.shape)
        for number, operation in enumerate(operations):
            _need_order(number, operation)
            result = _computed(operation, result)
        made.append(result.reshape(result.shape[-3:]))
    flat = np.concatenate(made)[: len(planes)]
    return np.asarray(flat.reshape(images.shape[:-2] + flat.shape[-2:]))


def _computed(operation: Step, image: np.ndarray) -> np.ndarray:
    if operation.kind not in KINDS:
        raise KernelError(f"`{operation.kind}` is not known here")
    try:
        return np.asarray(KINDS[operation.kind](call(_of_channels(operation, image), image)))
    except (ValueError, LookupError, ArithmeticError, TypeError) as error:
        raise KernelError(f"`{operation.kind}` {error}") from error


def _of_channels(operation: Step, image: np.ndarray) -> Step:
    """A convolution of one group for each channel, cut to the channels that the image has."""
    whole = call(operation)
    if "weight" not in whole:
        return operation
    weight, channels = whole.array("weight"), image.shape[-3]
    if weight.ndim != image.ndim or weight.shape[:2] != (whole.size("groups", 1), 1):
        raise KernelError("mixes channels, or is of another rank")
    cut = dict(operation.inputs)
    numbers = np.ascontiguousarray(weight[:channels], "<f8")
    cut["weight"] = Packed("FLOAT64", numbers.tobytes(), numbers.shape)
    cut["groups"] = Constant("INT32", (channels,))
    return operation._replace(inputs=tuple(cut.items()))


def _need_order(number: int, operation: Step) -> None:
    """Each reads what the one before makes, the first what was there."""
    read = [given for _, given in operation.inputs if isinstance(given, (Made, Read))]
    wanted: Any = Made(number - 1) if number else read[0] if read else None
    if len(read) != 1 or read[0] != wanted or isinstance(read[0], Read) == bool(number):
        raise KernelError(f"`{operation.kind}` does not read what is before it")
