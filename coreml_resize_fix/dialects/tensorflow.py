"""What TensorFlow, Keras and OpenCV compute along one axis.

Source: the documentation of tf.compat.v1.image.resize_*, tf.image.resize, UpSampling2D and
cv2.resize, checked against TensorFlow 2.21 and OpenCV 5.0.
"""

from typing import Dict, Tuple

from coreml_resize_fix.sampling import AxisSpec

__all__ = ["CONVENTIONS", "axis"]

# (framework, mode, align_corners) -> (kernel, transform)
CONVENTIONS: Dict[Tuple[str, str, bool], Tuple[str, str]] = {
    ("tensorflow1", "bilinear", False): ("linear", "asymmetric"),
    ("tensorflow1", "bilinear", True): ("linear", "align_corners"),
    ("tensorflow1", "nearest", False): ("nearest_floor", "asymmetric"),
    ("tensorflow1", "nearest", True): ("nearest_round_prefer_ceil", "align_corners"),
    ("tensorflow2", "bilinear", False): ("linear", "half_pixel"),
    ("tensorflow2", "nearest", False): ("nearest_floor", "tf_half_pixel_for_nn"),
    # UpSampling2D of tf.keras 2; under TensorFlow 1 the layer is "tensorflow1".
    ("keras", "bilinear", False): ("linear", "half_pixel"),
    ("keras", "nearest", False): ("nearest_floor", "tf_half_pixel_for_nn"),
    ("opencv", "bilinear", False): ("linear", "half_pixel"),
    ("opencv", "nearest", False): ("nearest_floor", "asymmetric"),
}


def axis(
    framework: str, mode: str, align_corners: bool, input_size: int, output_size: int
) -> AxisSpec:
    """One axis of a resize, without antialias; sizes in pixels.

    framework: tensorflow1, tensorflow2, keras or opencv; mode: bilinear or nearest.
    Raises ValueError for a combination that the framework does not have.
    """
    key = (framework, mode, bool(align_corners))
    if key not in CONVENTIONS:
        raise ValueError(
            f"{framework!r} has no mode {mode!r} with align_corners={bool(align_corners)}; known: "
            + ", ".join("{} {} align_corners={}".format(*known) for known in sorted(CONVENTIONS))
        )
    kernel, transform = CONVENTIONS[key]
    return AxisSpec(kernel, transform, input_size, output_size)
