"""Layers of a neural network that are messages in memory, computed for a proof.

What their documentation forbids is an error here too: a rank that a layer does not take, weights
that do not fill their shape, a box that leaves the image. Arithmetic is in float64, on the weights
as stored.
"""

from typing import Any, Dict, Mapping, Optional, Sequence, Set

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.channels import keep_channels
from coreml_resize_fix.formats.neuralnetwork.execute import table
from coreml_resize_fix.verify.kernels.checks import KernelError

_DOUBLE = np.dtype(np.float64)


def run(layers: Sequence[Any], blobs: Mapping[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """All blobs after `layers`, NeuralNetworkLayer messages in order, have read the given ones.

    Blobs have the rank that they have in the network: [S, B, C, H, W] under RANK5 mapping.

    Raises:
        KernelError: a kind is not known here, or used as its documentation forbids.
    """
    known = {name: np.asarray(blob, dtype=np.float64) for name, blob in blobs.items()}
    for layer in layers:
        missing = [name for name in layer.input if name not in known]
        if missing:
            raise KernelError(f"`{layer.name}` reads `{missing[0]}`, which nothing gives")
        try:
            inputs = [known[name] for name in layer.input]
            known.update(zip(layer.output, table.compute(layer, inputs, _DOUBLE)))
        except (ValueError, LookupError, ArithmeticError) as error:  # a KernelError is a ValueError
            raise KernelError(f"`{layer.name}`: {error}") from error
    return known


def run_on_images(
    layers: Sequence[Any], images: np.ndarray, rank: int, channels: Optional[int]
) -> np.ndarray:
    """What layers that read one blob make of images, (…, H, W) → (…, H', W').

    The blob has that rank and so many channels; images repeat to fill them.

    Raises:
        KernelError: the layers cannot be computed.
    """
    planes = images.reshape((-1,) + images.shape[-2:])
    channels = channels or len(planes)
    if channels > len(planes):
        layers, channels = keep_channels(layers, channels, len(planes)), len(planes)
    blob = _blob_read(layers)
    rounds = -(-len(planes) // channels)
    filled = np.resize(planes, (rounds * channels,) + planes.shape[1:])
    made = []
    for part in filled.reshape((rounds, channels) + planes.shape[1:]):
        given = part.reshape((1,) * (rank - 3) + part.shape)
        result = run(layers, {blob: given})[layers[-1].output[0]]
        made.append(result.reshape(result.shape[-3:]))
    flat = np.concatenate(made)[: len(planes)]
    return np.asarray(flat.reshape(images.shape[:-2] + flat.shape[-2:]))


def _blob_read(layers: Sequence[Any]) -> str:
    """The first blob that no layer before its reader made; the last layer may write it again."""
    made: Set[str] = set()
    for layer in layers:
        for name in layer.input:
            if name not in made:
                return str(name)
        made.update(layer.output)
    return ""
