"""Run a network by Core ML itself, where coremltools can predict: on macOS."""

import importlib
import sys
from functools import partial
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from coreml_resize_fix.errors import BadReferenceError, UsageError, told
from coreml_resize_fix.formats.execution import Execution
from coreml_resize_fix.formats.features import IMAGE, Feature
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.verify.agreement import NotRun
from coreml_resize_fix.verify.network import Executed
from coreml_resize_fix.verify.reference import Arrays, Runner

_FLOAT32 = np.dtype(np.float32)


def coremltools() -> Any:
    """The module, where it can run models.

    Raises:
        UsageError: Core ML or coremltools is not here.
    """
    if sys.platform != "darwin":
        raise UsageError(
            f"Core ML runs on macOS alone, and this is `{sys.platform}`",
            "leave `--runtime` out: the network is run in NumPy then",
        )
    try:
        return importlib.import_module("coremltools")
    except ImportError as error:
        raise UsageError(
            f"coremltools cannot be imported here: {told(error)}",
            "install it, or leave `--runtime` out",
        ) from error


def runner(model: Model, unit: Optional[str] = None) -> Runner:
    """What runs a model by Core ML; it keeps no blobs.

    `unit` is what it may run on, a name of coremltools' ComputeUnit; without it, whatever Core ML
    chooses.

    Raises:
        UsageError: Core ML or coremltools is not here, or has no such unit.
    """
    module = coremltools()
    source = model.source
    spec = module.proto.Model_pb2.Model()
    spec.ParseFromString(source.read(0, source.size))
    beside = getattr(model, "beside", None)  # of an ML Program
    options: Dict[str, Any] = {}
    if beside is not None:
        options["weights_dir"] = beside.path("weights")
    if unit is not None:
        units = getattr(module, "ComputeUnit", None)
        if not hasattr(units, unit):
            raise UsageError(
                f"the installed coremltools has no compute unit `{unit}`", "install a newer one"
            )
        options["compute_units"] = getattr(units, unit)
    loaded = module.models.MLModel(spec, **options)
    return partial(_run, loaded, model.execution(_FLOAT32))


def _run(loaded: Any, execution: Execution, inputs: Arrays, keep: Sequence[str]) -> Executed:
    given = {
        feature.name: _given(feature, inputs[feature.name])
        for feature in execution.inputs
        if feature.name in inputs
    }
    try:
        made = loaded.predict(given)
    except Exception as error:  # Core ML's own errors have no class
        return Executed({}, {}, NotRun("", "", f"Core ML does not run it: {told(error)}"))
    classes: List[Any] = list(execution.classes or ())
    return Executed(_arrays(made, classes), {}, None, execution.classes, execution.in_half)


def _given(feature: Feature, array: np.ndarray) -> Any:
    if feature.kind != IMAGE:
        return array
    if array.dtype != np.uint8:
        raise BadReferenceError(
            f"the reference has `{feature.name}` as a tensor, and Core ML takes a picture",
            "record the picture itself (uint8), or leave `--runtime` out",
        )
    image = importlib.import_module("PIL.Image")
    planes = np.moveaxis(array[0], 0, -1)
    return image.fromarray(planes[..., 0] if feature.channels == 1 else planes)


def _arrays(made: Mapping[str, Any], classes: List[Any]) -> Dict[str, np.ndarray]:
    found = {}
    for name, value in made.items():
        if isinstance(value, dict):
            value = [value[label] for label in classes or sorted(value)]
        array = np.asarray(value)
        if array.ndim == 3 and not isinstance(value, np.ndarray):  # a picture
            array = np.moveaxis(array, -1, 0)
        if array.dtype.kind in "fiub":
            found[name] = array
    return found
