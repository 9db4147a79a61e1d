"""Read what `--reference` names: recorded tensors, or an ONNX file that runs on some."""

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.errors import BadReferenceError
from coreml_resize_fix.formats.features import IMAGE, Feature
from coreml_resize_fix.intents import reference
from coreml_resize_fix.intents.onnx_run import OnnxInput, OnnxNetwork
from coreml_resize_fix.intents.reference import Reference
from coreml_resize_fix.intents.tensors import NetworkTensors
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.verify import fit, probes
from coreml_resize_fix.verify.kernels import checks

Arrays = Dict[str, np.ndarray]

_DEEPEST = 32  # dimensions that NumPy has, whatever its version
MOST_NUMBERS = 1 << 25  # of a test image: three channels of 8K video


def read(request: Request, features: Sequence[Feature]) -> Reference:
    """The reference of a request, for a model of these inputs.

    Raises:
        BadReferenceError: it cannot be read, or holds nothing to compare with.
    """
    given = request.reference
    if isinstance(given, str):
        if not reference.is_onnx(given):
            return reference.read(given, len(request.manifest or ()))
        recorded = request.network_tensors() if request.network_tensors is not None else None
        return _of_onnx(given, features, recorded)
    network = given.network_tensors() if given is not None else None
    if given is None or network is None:
        raise BadReferenceError(
            "the intents hold no tensors of the whole network", reference.RECORD
        )
    return reference.recorded("the recording", network, given.tensors)


def _of_onnx(
    path: str, features: Sequence[Feature], recorded: Optional[NetworkTensors]
) -> Reference:
    onnx = OnnxNetwork(path)
    why = "no inputs of the network are recorded beside the manifest"
    inputs: Arrays = {}
    notices: Sequence[str] = ()
    if recorded is not None and recorded.inputs:
        shapes = {one.name: _known(one.shape) for one in onnx.inputs}
        inputs, notices = fit.pair(path, "input", shapes, recorded.inputs)
        if any(_is_picture(inputs[one.name]) and one.dtype.kind == "f" for one in onnx.inputs):
            inputs, why = {}, "a picture was recorded, and it takes what comes behind preprocessing"
    if not inputs:
        inputs = _examples(path, onnx.inputs, features)
        notices = [f"the reference `{path}` was run on a seeded test image: {why}"]
    for name, array in inputs.items():
        reference.need_finite(path, name, array)
    outputs = onnx.run(inputs, onnx.outputs)
    for name, array in outputs.items():
        reference.need_finite(path, name, array)
    return Reference(path, inputs, outputs, {}, onnx.blobs(inputs), notices)


def _is_picture(array: np.ndarray) -> bool:
    return bool(array.dtype == np.uint8)


def _known(shape: Sequence[Optional[int]]) -> Optional[Tuple[int, ...]]:
    sizes = tuple(size for size in shape if size is not None)
    return sizes if len(sizes) == len(shape) else None


def _examples(path: str, inputs: Sequence[OnnxInput], features: Sequence[Feature]) -> Arrays:
    """Seeded inputs; sizes that the file leaves free are those of the model.

    Raises:
        BadReferenceError: one would be too large.
    """
    by_name: Mapping[str, Feature] = {feature.name: feature for feature in features}
    same = len(inputs) == len(features)
    found = {}
    for number, one in enumerate(inputs):
        feature = by_name.get(one.name, features[number] if same else None)
        shape = _filled(one.shape, feature)
        if len(shape) > _DEEPEST or checks.count_of(shape) > MOST_NUMBERS:
            raise BadReferenceError(
                f"the input `{one.name}` of the reference `{path}` would be a test image of "
                f"{list(shape)}, which is too large",
                reference.RECORD,
            )
        found[one.name] = probes.example(shape, one.dtype, number)
    return found


def _filled(shape: Sequence[Optional[int]], feature: Any) -> Tuple[int, ...]:
    declared: Tuple[int, ...] = ()
    if feature is not None:
        lead = (feature.channels,) if feature.kind == IMAGE else ()
        declared = (*lead, *feature.shape)
    padded = (1,) * (len(shape) - len(declared)) + declared
    sizes = zip(shape, padded[len(padded) - len(shape) :])
    return tuple(size if size is not None else other for size, other in sizes)
