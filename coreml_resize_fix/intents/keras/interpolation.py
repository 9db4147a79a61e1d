"""What an interpolation of Keras computes: on each backend, and in each of its versions.

Source: `resize_images` of each Keras's backend. UpSampling2D is `tf.image.resize` of TensorFlow 1
in Keras up to 2.3 and in tf.keras up to TensorFlow 1.14, and that of TensorFlow 2 ever since.
"""

import re
from dataclasses import replace
from typing import Any, Dict, Mapping, NamedTuple, Optional, Union

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import LeftOut
from coreml_resize_fix.intents.tensorflow import ops

# As `jax.image.resize` computes it: TensorFlow takes the weights from a table instead.
_JAX_BICUBIC = Intent(
    framework="onnx",
    mode="bicubic",
    coordinate_transformation_mode="half_pixel",
    cubic_coeff_a=-0.5,
    exclude_outside=True,
)
# method of `jax.image.resize` -> mode of an intent; its positions are TensorFlow's half pixels
_JAX_MODES = {
    "nearest": "nearest",
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), "bilinear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "bicubic"),
}
_UNKNOWN = "its interpolation is none that is known here"
_TORCH_MODES = {"bilinear": "bilinear", "bicubic": "bicubic", "nearest": "nearest-exact"}
# method of `tf.image.resize` -> operator; TensorFlow 1 has numbers for them, too
METHODS = {
    "bilinear": "ResizeBilinear",
    "nearest": "ResizeNearestNeighbor",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}
_KERNELS = {mode: kernel for kernel, mode in ops.KERNELS.items()}  # with antialias
_NUMBERS: Mapping[Any, str] = dict(enumerate(METHODS))


class Era(NamedTuple):
    """How the Keras that wrote a file resizes; `backend` is the one that the file names, if any.

    `may_be_tensorflow1`: the file does not tell whether it resizes as TensorFlow 1 or 2.
    """

    as_tensorflow1: bool = False
    is_keras3: bool = False
    may_be_tensorflow1: bool = False
    backend: Optional[str] = None


def era(version: Optional[str], backend: Optional[str]) -> Era:
    """The era of the version that a file names: `2.2.4` is Keras, `2.2.4-tf` is tf.keras."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})", version or "")
    if found is None:
        return Era(may_be_tensorflow1=True, backend=backend)
    numbers = tuple(int(number) for number in found.groups())
    if version is not None and version.endswith("-tf"):
        return Era(numbers < (2, 2, 4), may_be_tensorflow1=numbers == (2, 2, 4), backend=backend)
    return Era(numbers < (2, 4), is_keras3=numbers >= (3,), backend=backend)


def keras_call(
    method: Any, antialias: bool, era: Era, repeats: bool = False
) -> Union[Intent, LeftOut]:
    """What a layer of Keras computes for its `interpolation`, without sizes.

    `repeats`: Keras 3 repeats pixels here, on every backend, and calls no resize of it.
    """
    if era.backend == "torch" and not repeats:
        filtered = antialias and method in ("bilinear", "bicubic")
        mode = _TORCH_MODES.get(method) if isinstance(method, str) else None
        return LeftOut(_UNKNOWN) if mode is None else Intent(mode=mode, antialias=filtered)
    if era.backend == "jax" and method == "bicubic" and not antialias:
        return _JAX_BICUBIC
    called = tensorflow_call(method, antialias, as_tensorflow1=era.as_tensorflow1)
    if isinstance(called, Intent) and called.framework == "tensorflow2":
        return replace(called, framework="keras")
    return called


def tensorflow_call(
    method: Any, antialias: bool, as_tensorflow1: bool = False, align_corners: bool = False
) -> Union[Intent, LeftOut]:
    """What `tf.image.resize` computes for its `method`, without sizes."""
    if type(method) is int:
        method = _NUMBERS.get(method)
    if not isinstance(method, str) or method not in METHODS:
        return LeftOut(_UNKNOWN)
    if antialias and not as_tensorflow1 and method in _KERNELS:
        flags: Dict[str, Any] = {"kernel_type": _KERNELS[method], "antialias": True}
        return ops.intent_of(ops.WITH_KERNEL, flags)
    centers = not as_tensorflow1 and method != "area"
    flags = {"half_pixel_centers": centers, "align_corners": align_corners}
    return ops.intent_of(METHODS[method], flags)


def jax_call(method: str, antialias: bool) -> Optional[Intent]:
    """What `jax.image.resize` computes, without sizes; None for a method that is not known."""
    mode = _JAX_MODES.get(method)
    filtered = antialias and mode != "nearest"
    if mode is None:
        return None
    if mode == "bicubic" and not filtered:
        return _JAX_BICUBIC
    return Intent(framework="tensorflow2", mode=mode, antialias=filtered)
