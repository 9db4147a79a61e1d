"""What TensorFlow, Keras and OpenCV compute along one axis.

A resize of TensorFlow without `half_pixel_centers` is "tensorflow1", in any version; one with it,
as tf.image.resize calls them, is "tensorflow2", and so is a layer of Keras ("keras").

Source: the documentation of tf.compat.v1.image.resize_*, tf.image.resize, UpSampling2D and
cv2.resize; checked by running TensorFlow 1.15, 2.12 and 2.21 (CPU, float32), Keras 2.12 and 3.15
on them, and OpenCV 5.0.
"""

from typing import Dict, NamedTuple, Optional, Tuple

from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import single


class _Convention(NamedTuple):
    kernel: str
    transform: str
    # TensorFlow multiplies by a ratio of the sizes in float32, which decides ties of nearest
    # neighbour, and on which side of a step of its table a weight of bicubic is.
    float32_ratio: bool = False
    # The ratio is that of the sizes, less this many pixels each (one for align_corners).
    less: int = 0
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False
    fractions: Optional[int] = None


_TABLE_SIZE = 1024  # positions between two pixels of which TensorFlow has the weights of bicubic

# (mode, antialias) of tf.image.resize; with nearest and area it ignores `antialias`
_HALF_PIXEL: Dict[Tuple[str, bool], _Convention] = {
    ("bilinear", False): _Convention("linear", "half_pixel"),
    ("nearest", False): _Convention("nearest_floor", "tf_half_pixel_for_nn", float32_ratio=True),
    ("bicubic", False): _Convention(
        "cubic",
        "half_pixel",
        float32_ratio=True,
        cubic_coeff_a=-0.5,
        exclude_outside=True,
        fractions=_TABLE_SIZE,
    ),
    ("area", False): _Convention("box", "asymmetric"),
    ("bilinear", True): _Convention("antialias_linear", "half_pixel", exclude_outside=True),
    ("bicubic", True): _Convention(
        "antialias_cubic", "half_pixel", cubic_coeff_a=-0.5, exclude_outside=True
    ),
}

# (framework, mode, align_corners, antialias)
CONVENTIONS: Dict[Tuple[str, str, bool, bool], _Convention] = {
    ("tensorflow1", "bilinear", False, False): _Convention("linear", "asymmetric"),
    ("tensorflow1", "bilinear", True, False): _Convention("linear", "align_corners"),
    ("tensorflow1", "nearest", False, False): _Convention(
        "nearest_floor", "asymmetric", float32_ratio=True
    ),
    ("tensorflow1", "nearest", True, False): _Convention(
        "nearest_round_prefer_ceil", "asymmetric", float32_ratio=True, less=1
    ),
    ("tensorflow1", "bicubic", False, False): _Convention(
        "cubic", "asymmetric", float32_ratio=True, fractions=_TABLE_SIZE
    ),
    ("tensorflow1", "bicubic", True, False): _Convention(
        "cubic", "asymmetric", float32_ratio=True, less=1, fractions=_TABLE_SIZE
    ),
    ("tensorflow1", "area", False, False): _Convention("box", "asymmetric"),
    # Windows of (X - 1) / (N - 1) pixels, one after the other.
    ("tensorflow1", "area", True, False): _Convention("box", "asymmetric", less=1),
    ("opencv", "bilinear", False, False): _Convention("linear", "half_pixel"),
    ("opencv", "nearest", False, False): _Convention("nearest_floor", "asymmetric"),
}
CONVENTIONS.update(
    ((framework, mode, False, antialias), row)
    for framework in ("tensorflow2", "keras")
    for (mode, antialias), row in _HALF_PIXEL.items()
)


def axis(
    framework: str,
    mode: str,
    align_corners: bool,
    input_size: int,
    output_size: int,
    antialias: bool = False,
) -> AxisSpec:
    """One axis of a resize; sizes in pixels.

    framework: tensorflow1, tensorflow2, keras or opencv; mode: bilinear, nearest, bicubic or area.
    Raises ValueError for a combination that the framework does not have.
    """
    key = (framework, mode, bool(align_corners), bool(antialias))
    if key not in CONVENTIONS:
        asked = f"align_corners={key[2]}, antialias={key[3]}"
        known = (
            f"{name} {of} align_corners={corners}" + ", antialias=True" * filters
            for name, of, corners, filters in sorted(CONVENTIONS)
        )
        raise ValueError(
            f"{framework!r} has no mode {mode!r} with {asked}; known: " + "; ".join(known)
        )
    row = CONVENTIONS[key]
    less = row.less if min(input_size, output_size) > 1 else 0
    ratio = (input_size - less) / (output_size - less)
    step = ratio if less else None
    return AxisSpec(
        row.kernel,
        row.transform,
        input_size,
        output_size,
        step=single(ratio) if row.float32_ratio else step,
        cubic_coeff_a=row.cubic_coeff_a,
        exclude_outside=row.exclude_outside,
        in_single=row.float32_ratio,
        fractions=row.fractions,
    )
