"""What Core ML's own `predict` takes and gives: pictures, arrays, numbers, labels.

Images are PIL's; Pillow is imported only where there is one.

Source: the documentation of coremltools' MLModel.predict.
"""

from typing import Any, Dict, Mapping, Tuple

import numpy as np

from coreml_resize_fix.errors import DOCS, ResizeFixError, UsageError
from coreml_resize_fix.formats.execution import Execution, Walk
from coreml_resize_fix.formats.features import ARRAY, CLASSES, IMAGE, NUMBER, TEXT, Feature
from coreml_resize_fix.verify.network import (
    Executed,
    arranged,
    planes,
    require_names,
    run_prepared,
)

# What an array is that Core ML gives; float16 is told as float32, as coremltools does.
_DTYPES = {"INT32": np.int32, "DOUBLE": np.float64, "FLOAT64": np.float64}


def predict(label: str, network: Execution, inputs: Mapping[str, Any]) -> Dict[str, Any]:
    """Every output by its name; `label` names the model in messages.

    Raises:
        UsageError: an input is missing or none of the model's, or does not fit.
        ResizeFixError: something in the model cannot be computed, or Pillow is missing.
    """
    require_names(network.inputs, inputs)
    given = {
        feature.name: _entered(feature, inputs[feature.name])
        for feature in network.inputs
        if feature.name in inputs
    }
    # Pictures all go through the preprocessing.
    made = run_prepared(network, given, (), Walk())
    if made.not_run is not None:
        address, name, reason = made.not_run
        where = f"`{address}` (`{name}`) " if address else ""
        raise ResizeFixError(
            f"`{label}` cannot be run: {where}{reason}",
            "if shapes do not fit, a resize may make a wrong size, which `audit` shows; "
            f"what can be computed: {DOCS}executor.md",
        )
    return {feature.name: _given(feature, made) for feature in network.outputs if _is_told(feature)}


def _is_told(feature: Feature) -> bool:
    return feature.kind in (ARRAY, CLASSES, IMAGE, NUMBER, TEXT)


def _entered(feature: Feature, value: Any) -> np.ndarray:
    if feature.kind == IMAGE:
        return planes(feature, _pixels(feature, value))
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise _no_numbers(feature) from error
    if array.dtype.kind not in "fiub":
        raise _no_numbers(feature)
    return arranged(feature, array) if feature.kind == ARRAY else array


def _no_numbers(feature: Feature) -> UsageError:
    return UsageError(
        f"the input `{feature.name}` is not an array of numbers", "pass a NumPy array"
    )


def _pixels(feature: Feature, value: Any) -> np.ndarray:
    """The values of a PIL image, or of an array of uint8 in the order RGB."""
    modes = {"GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}
    wanted = modes.get(feature.colours, "RGB")
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return value
    mode = getattr(value, "mode", None)
    if mode is None or not hasattr(value, "tobytes"):
        array = isinstance(value, np.ndarray)
        given = f"an array of {value.dtype}" if array else f"a `{type(value).__name__}`"
        raise UsageError(
            f"the input `{feature.name}` is an image, and gets {given}",
            f"pass a PIL image of mode {wanted}, or a uint8 array (height × width × channels)",
        )
    if mode != wanted:
        raise UsageError(
            f"the input `{feature.name}` takes an image of mode {wanted}, and gets one of {mode}",
            f'convert it with `.convert("{wanted}")`',
        )
    return np.asarray(value)


def _given(feature: Feature, made: Executed) -> Any:
    if feature.kind in (TEXT, NUMBER) and made.classes is not None:
        return _best(feature, made)
    array = made.outputs.get(feature.name)
    if array is None:
        raise ResizeFixError(
            f"the output `{feature.name}` is not computed",
            f"what can be computed: {DOCS}executor.md",
        )
    if feature.kind == CLASSES:
        return dict(zip(_labels(made, array), array.reshape(-1).astype(float).tolist()))
    if feature.kind == IMAGE:
        return _picture(feature, array)
    if feature.kind == NUMBER:
        return float(array.reshape(-1)[0])
    array = array.astype(_DTYPES.get(feature.data_type, np.float32))
    return array.reshape(_shape(feature, array))


def _best(feature: Feature, made: Executed) -> Any:
    """The label of the largest probability, of equal ones the first."""
    chances = [array for array in made.outputs.values() if array.size == len(made.classes or ())]
    if not chances:
        raise ResizeFixError(
            f"the output `{feature.name}` has no probabilities to choose by",
            "save the model again with as many class labels as it has outputs",
        )
    probabilities = chances[0]
    return _labels(made, probabilities)[int(np.argmax(probabilities))]


def _labels(made: Executed, probabilities: np.ndarray) -> Any:
    if made.classes is None or len(made.classes) != probabilities.size:
        count = 0 if made.classes is None else len(made.classes)
        raise ResizeFixError(
            f"the model has {count} class labels for {probabilities.size} probabilities",
            "save the model again with its class labels",
        )
    return made.classes


def _shape(feature: Feature, array: np.ndarray) -> Tuple[int, ...]:
    """As declared, where as many numbers are; else without leading axes of one beyond [C, H, W]."""
    if feature.shape and np.prod(feature.shape, dtype=np.int64) == array.size:
        return feature.shape
    rank = len(feature.shape)
    shape = array.shape
    while rank and len(shape) > rank and shape[0] == 1:
        shape = shape[1:]
    return shape


def _picture(feature: Feature, array: np.ndarray) -> Any:
    """A PIL image of values that are clipped to 0…255 and rounded."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ResizeFixError(
            f"the output `{feature.name}` is an image, and Pillow is not installed",
            "install it with `pip install pillow`",
        ) from error
    values = array.reshape((feature.channels,) + array.shape[-2:])
    if feature.colours == "GRAYSCALE_FLOAT16":
        return Image.fromarray(values[0].astype(np.float32), mode="F")
    whole = np.nan_to_num(np.rint(np.clip(values, 0, 255))).astype(np.uint8)
    if feature.channels == 1:
        return Image.fromarray(whole[0])
    whole = whole[::-1] if feature.colours == "BGR" else whole
    return Image.fromarray(np.ascontiguousarray(np.moveaxis(whole, 0, -1)))
