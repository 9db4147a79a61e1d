"""What a resize operator of TensorFlow computes, by its flags.

Source: tensorflow/core/ops/image_ops.cc; which one `tf.image.resize` calls is in image_ops_impl.py.
"""

from typing import Any, Mapping, Optional, Union

from coreml_resize_fix.intents.model import Intent

# operator -> mode of an intent
MODES = {
    "ResizeBilinear": "bilinear",
    "ResizeNearestNeighbor": "nearest",
    "ResizeBicubic": "bicubic",
    "ResizeArea": "area",
    "QuantizedResizeBilinear": "bilinear",
}
WITH_KERNEL = "ScaleAndTranslate"  # `tf.image.resize` with antialias, or with another kernel
KERNELS = {"triangle": "bilinear", "keyscubic": "bicubic"}


def is_resize(kind: str) -> bool:
    """Whether an operator resizes maps."""
    return kind in MODES or kind == WITH_KERNEL


def intent_of(kind: str, flags: Mapping[str, Any]) -> Union[Intent, str]:
    """The intent of such an operator, without names and sizes, or a text on why it has none."""
    if kind == WITH_KERNEL:
        kernel = _text(flags.get("kernel_type", "lanczos3"))
        if kernel not in KERNELS:
            return f"`{kind}` with the kernel `{kernel}`"
        antialias = bool(flags.get("antialias", True))
        return Intent(framework="tensorflow2", mode=KERNELS[kernel], antialias=antialias)
    return Intent(
        framework="tensorflow2" if flags.get("half_pixel_centers") else "tensorflow1",
        mode=MODES[kind],
        align_corners=bool(flags.get("align_corners")),
    )


def _text(value: Any) -> Optional[str]:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
