"""Read what `--reference` names: recorded tensors, or the file of a network that runs on some."""

from typing import Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.errors import BadReferenceError
from coreml_resize_fix.formats.features import Feature
from coreml_resize_fix.intents import reference
from coreml_resize_fix.intents.model import CHANNELS_LAST, Intent
from coreml_resize_fix.intents.reference import NetworkInput, Reference
from coreml_resize_fix.intents.tensors import NetworkTensors
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.verify import fit, probes
from coreml_resize_fix.verify.kernels.checks import KernelError

Arrays = Dict[str, np.ndarray]


def read(request: Request, features: Sequence[Feature]) -> Reference:
    """The reference of a request, for a model of these inputs.

    Raises:
        BadReferenceError: it cannot be read, or holds nothing to compare with.
    """
    intents = [*(request.manifest or ()), *([request.assume] if request.assume else ())]
    return _read(request, features)._replace(channels_last=_channels_last(intents))


def _channels_last(intents: Sequence[Intent]) -> Optional[bool]:
    """Whether the framework has channels last; None of several, of ONNX or without intents."""
    frameworks = {intent.framework for intent in intents}
    if frameworks and frameworks <= {*CHANNELS_LAST}:
        return True
    return False if frameworks == {"torch"} else None


def _read(request: Request, features: Sequence[Feature]) -> Reference:
    given = request.reference
    if isinstance(given, str):
        if not reference.is_runnable(given):
            return reference.read(given, len(request.manifest or ()))
        recorded = request.network_tensors() if request.network_tensors is not None else None
        return _of_run(given, features, recorded)
    network = given.network_tensors() if given is not None else None
    if given is None or network is None:
        raise BadReferenceError(
            "the intents hold no tensors of the whole network", reference.RECORD
        )
    return reference.recorded("the recording", network, given.tensors)


def _of_run(
    path: str, features: Sequence[Feature], recorded: Optional[NetworkTensors]
) -> Reference:
    """What a network computes of the recorded inputs, or of a test image where there are none."""
    network = reference.load_runnable(path)
    why = "no inputs of the network are recorded beside the manifest"
    inputs: Arrays = {}
    notices: Sequence[str] = ()
    if recorded is not None and recorded.inputs:
        shapes = {one.name: _known(one.shape) for one in network.inputs}
        fitted = fit.pair(path, "input", shapes, recorded.inputs)
        inputs, notices = fitted.arrays, fitted.notices
        if any(_is_picture(inputs[one.name]) and one.dtype.kind == "f" for one in network.inputs):
            inputs, why = {}, "a picture was recorded, and it takes what comes behind preprocessing"
    if not inputs:
        inputs = _examples(path, network.inputs, features)
        notices = [f"the reference `{path}` was run on a seeded test image: {why}"]
    for name, array in inputs.items():
        reference.need_finite(path, name, array)
    outputs = network.run(inputs, network.outputs)
    for name, array in outputs.items():
        reference.need_finite(path, name, array)
    return Reference(path, inputs, outputs, {}, network.blobs(inputs), notices)


def _is_picture(array: np.ndarray) -> bool:
    return bool(array.dtype == np.uint8)


def _known(shape: Sequence[Optional[int]]) -> Optional[Tuple[int, ...]]:
    sizes = tuple(size for size in shape if size is not None)
    return sizes if len(sizes) == len(shape) else None


def _examples(path: str, inputs: Sequence[NetworkInput], features: Sequence[Feature]) -> Arrays:
    """Seeded inputs; sizes that the file leaves free are those of the model.

    Raises:
        BadReferenceError: one is too large.
    """
    by_name: Mapping[str, Feature] = {feature.name: feature for feature in features}
    same = len(inputs) == len(features)
    wanted = {}
    for number, one in enumerate(inputs):
        feature = by_name.get(one.name, features[number] if same else None)
        wanted[one.name] = _filled(one.shape, feature), one.dtype
    try:
        return probes.examples(wanted)
    except KernelError as error:
        raise BadReferenceError(
            f"the reference `{path}` was not run: {error}", "pass recorded tensors (.npz) instead"
        ) from error


def _filled(shape: Sequence[Optional[int]], feature: Optional[Feature]) -> Tuple[int, ...]:
    declared = feature.planes if feature is not None else ()
    padded = (1,) * (len(shape) - len(declared)) + declared
    sizes = zip(shape, padded[len(padded) - len(shape) :])
    return tuple(size if size is not None else other for size, other in sizes)
