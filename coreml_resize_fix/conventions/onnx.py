"""What the ONNX operators Resize (opset 10 to 19) and Upsample (7, 9) compute along one axis.

Source: the operators' specifications; where they leave the arithmetic open (ties of nearest
neighbour, antialias), what ONNX Runtime computes.
"""

from typing import Dict, Optional, Tuple

from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import shortest, single

COORDINATE_MODES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
NEAREST_MODES = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")

# (mode, antialias)
KERNELS: Dict[Tuple[str, bool], str] = {
    ("nearest", False): "nearest",
    ("linear", False): "linear",
    ("linear", True): "antialias_linear",
    ("cubic", False): "cubic",
    ("cubic", True): "antialias_cubic",
}


def axis(
    mode: str,
    coordinate_transformation_mode: str,
    input_size: int,
    output_size: int,
    scale: Optional[float] = None,
    nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75,
    exclude_outside: bool = False,
    antialias: bool = False,
    roi: Optional[Tuple[float, float]] = None,
) -> AxisSpec:
    """One axis of Resize 11 and later; attributes by their ONNX names, sizes in pixels.

    scale: this axis' element of `scales`, None when `sizes` was given.
    roi: normalised (start, end) of this axis; needed by tf_crop_and_resize only, whose
        extrapolation_value is taken to be zero.
    Raises ValueError for values the operator does not have.
    """
    for name, value, known in (
        ("coordinate_transformation_mode", coordinate_transformation_mode, COORDINATE_MODES),
        ("nearest_mode", nearest_mode, NEAREST_MODES),
        ("mode, antialias", (mode, bool(antialias)), tuple(KERNELS)),
    ):
        if value not in known:
            raise ValueError(f"unknown {name} {value!r}; known: {', '.join(map(str, known))}")
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    if crops and roi is None:
        raise ValueError("tf_crop_and_resize needs a roi")
    kernel = KERNELS[mode, bool(antialias)]
    is_nearest = kernel == "nearest"
    in_single = is_nearest and nearest_mode in _IN_SINGLE
    return AxisSpec(
        kernel=f"nearest_{nearest_mode}" if is_nearest else kernel,
        transform=coordinate_transformation_mode,
        input_size=input_size,
        output_size=output_size,
        step=_STEPS[in_single](input_size, output_size, scale),
        box=(roi[0] * (input_size - 1), roi[1] * (input_size - 1)) if crops and roi else None,
        cubic_coeff_a=cubic_coeff_a,
        exclude_outside=bool(exclude_outside),
        zero_outside=crops,
        in_single=in_single,
    )


def legacy_axis(
    mode: str, input_size: int, output_size: int, scale: Optional[float] = None
) -> AxisSpec:
    """One axis of Upsample 7 or 9, or of Resize 10: asymmetric, nearest is floor."""
    return axis(mode, "asymmetric", input_size, output_size, scale, nearest_mode="floor")


def _step_in_float32(input_size: int, output_size: int, scale: Optional[float]) -> float:
    # ONNX Runtime divides by the scale in float32, which decides ties of nearest neighbour.
    return 1 / single(output_size / input_size if scale is None else scale)


def _step(input_size: int, output_size: int, scale: Optional[float]) -> float:
    if scale is None or single(scale) == single(output_size / input_size):
        return input_size / output_size
    # ONNX stores scales as float32. The shortest decimal that rounds to the stored number is
    # the one an exporter was given: 1.1, not 1.10000002384.
    return 1 / shortest(single(scale))


# ONNX Runtime 1.32 rounds float32 results up and down, but recognizes ties.
_IN_SINGLE = ("floor", "ceil")
# in single precision -> step
_STEPS = {True: _step_in_float32, False: _step}
