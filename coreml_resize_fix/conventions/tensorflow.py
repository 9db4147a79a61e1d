"""What TensorFlow, Keras and OpenCV compute along one axis.

Source: the documentation of tf.compat.v1.image.resize_*, tf.image.resize, UpSampling2D and
cv2.resize; checked by running TensorFlow 2.21 and OpenCV 5.0.
"""

from typing import Dict, NamedTuple, Tuple

from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import single

__all__ = ["CONVENTIONS", "axis"]


class _Convention(NamedTuple):
    kernel: str
    transform: str
    # TensorFlow's nearest neighbour multiplies by a ratio in float32, which decides ties: the
    # ratio of the sizes, less this many pixels each (one for align_corners).
    float32_ratio: bool = False
    less: int = 0


# (framework, mode, align_corners)
CONVENTIONS: Dict[Tuple[str, str, bool], _Convention] = {
    ("tensorflow1", "bilinear", False): _Convention("linear", "asymmetric"),
    ("tensorflow1", "bilinear", True): _Convention("linear", "align_corners"),
    ("tensorflow1", "nearest", False): _Convention(
        "nearest_floor", "asymmetric", float32_ratio=True
    ),
    ("tensorflow1", "nearest", True): _Convention(
        "nearest_round_prefer_ceil", "asymmetric", float32_ratio=True, less=1
    ),
    ("tensorflow2", "bilinear", False): _Convention("linear", "half_pixel"),
    ("tensorflow2", "nearest", False): _Convention(
        "nearest_floor", "tf_half_pixel_for_nn", float32_ratio=True
    ),
    # UpSampling2D of tf.keras 2; under TensorFlow 1 the layer is "tensorflow1".
    ("keras", "bilinear", False): _Convention("linear", "half_pixel"),
    ("keras", "nearest", False): _Convention(
        "nearest_floor", "tf_half_pixel_for_nn", float32_ratio=True
    ),
    ("opencv", "bilinear", False): _Convention("linear", "half_pixel"),
    ("opencv", "nearest", False): _Convention("nearest_floor", "asymmetric"),
}


def axis(
    framework: str, mode: str, align_corners: bool, input_size: int, output_size: int
) -> AxisSpec:
    """One axis of a resize without antialias; sizes in pixels.

    framework: tensorflow1, tensorflow2, keras or opencv; mode: bilinear or nearest.
    Raises ValueError for a combination that the framework does not have.
    """
    key = (framework, mode, bool(align_corners))
    if key not in CONVENTIONS:
        raise ValueError(
            f"{framework!r} has no mode {mode!r} with align_corners={bool(align_corners)}; known: "
            + ", ".join(
                f"{name} {of} align_corners={corners}" for name, of, corners in sorted(CONVENTIONS)
            )
        )
    kernel, transform, in_float32, less = CONVENTIONS[key]
    if not in_float32:
        return AxisSpec(kernel, transform, input_size, output_size)
    ratio = single((input_size - less) / max(output_size - less, 1))
    return AxisSpec(kernel, transform, input_size, output_size, step=ratio, in_single=True)
