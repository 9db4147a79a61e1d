"""What runs a case: Core ML itself, the executor, or a function that somebody names."""

import importlib
from typing import Callable, Mapping

import numpy as np

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.verify.agreement import COREML, NUMPY
from coreml_resize_fix.verify.network import Executed, execute

__all__ = ["COREML", "NUMPY", "UNITS", "Runtime", "named"]

UNITS = ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")

# Runs a model, on a compute unit, on inputs.
Runtime = Callable[[Model, str, Mapping[str, np.ndarray]], Executed]


def named(name: str) -> Runtime:
    """The runtime of that name, or the function `MODULE:NAME`.

    Raises:
        UsageError: there is none, or Core ML is not here.
    """
    if name == NUMPY:
        return _in_numpy
    if name == COREML:
        from coreml_resize_fix.run import coreml_runtime

        coreml_runtime.coremltools()
        return _by_core_ml
    module, _, function = name.partition(":")
    try:
        found: Runtime = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"there is no runtime `{name}`", "use `coreml`, `numpy`, or a function `MODULE:NAME`"
        ) from error
    return found


def _in_numpy(model: Model, unit: str, inputs: Mapping[str, np.ndarray]) -> Executed:
    return execute(model, inputs)


def _by_core_ml(model: Model, unit: str, inputs: Mapping[str, np.ndarray]) -> Executed:
    from coreml_resize_fix.run import coreml_runtime

    return coreml_runtime.runner(model, unit)(inputs, ())
