"""What `torch.nn.functional.interpolate` computes along one axis.

Formulas from the public header ATen/native/UpSample.h; what depends on the version was observed on
PyTorch 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 1.10, 1.11, 1.12, 1.13 and 2.13 (CPU,
float32).

Scale factors that leave N = X or N = 2X without being 1 or 2 (7 pixels times 1.13) are treated as
2.13 does, and PyTorch is of two minds there. Whether nearest copies depends on both axes and on the
memory layout (`nearest_copies`). Antialias copied no axis in 1.12, and before 1.9 bicubic copied
when *both* sizes stayed; one axis alone does not show it.
"""

import math
from typing import Callable, Dict, NamedTuple, Optional, Tuple

from coreml_resize_fix.sampling import AxisSpec
from coreml_resize_fix.sampling.single import single

# Height and width of an output, added up, up to which `nearest` runs the kernel that copies.
_SMALL = 128


def _ratio(input_size: int, output_size: int, scale: Optional[float]) -> Optional[float]:
    return None if scale is None else 1 / scale


def _ratio_float32(input_size: int, output_size: int, scale: Optional[float]) -> float:
    return single(input_size / output_size if scale is None else 1 / scale)


def _endpoints(input_size: int, output_size: int, scale: Optional[float]) -> float:
    return (input_size - 1) / (output_size - 1) if output_size > 1 else 0.0


def _sizes_only(input_size: int, output_size: int, scale: Optional[float]) -> None:
    return None


# X, N and the scale factor that counts -> source pixels per output pixel (None: X / N)
_STEPS: Dict[str, Callable[[int, int, Optional[float]], Optional[float]]] = {
    "ratio": _ratio,
    "ratio_float32": _ratio_float32,
    "endpoints": _endpoints,
    "sizes_only": _sizes_only,
}


class _Convention(NamedTuple):
    kernel: str
    transform: str
    step: str = "ratio"
    # An axis that keeps its size is copied for every scale_factor.
    copies: bool = True
    # Nearest neighbour of float32 data rounds its coordinates to float32, which decides ties.
    in_single: bool = False
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False


# (mode, align_corners, antialias)
MODES: Dict[Tuple[str, bool, bool], _Convention] = {
    ("nearest", False, False): _Convention(
        "nearest_floor", "asymmetric", step="ratio_float32", in_single=True
    ),
    ("nearest-exact", False, False): _Convention(
        "nearest_floor",
        "tf_half_pixel_for_nn",
        step="ratio_float32",
        copies=False,
        in_single=True,
    ),
    ("bilinear", False, False): _Convention("linear", "half_pixel"),
    ("bilinear", True, False): _Convention("linear", "align_corners", step="sizes_only"),
    ("bilinear", False, True): _Convention("antialias_linear", "half_pixel", exclude_outside=True),
    # With antialias, align_corners changes the step but keeps the half-pixel origin.
    ("bilinear", True, True): _Convention(
        "antialias_linear", "half_pixel", step="endpoints", exclude_outside=True
    ),
    ("bicubic", False, False): _Convention("cubic", "half_pixel", copies=False),
    ("bicubic", True, False): _Convention("cubic", "align_corners", step="sizes_only"),
    ("bicubic", False, True): _Convention(
        "antialias_cubic", "half_pixel", cubic_coeff_a=-0.5, exclude_outside=True
    ),
    ("bicubic", True, True): _Convention(
        "antialias_cubic",
        "half_pixel",
        step="endpoints",
        cubic_coeff_a=-0.5,
        exclude_outside=True,
    ),
    ("area", False, False): _Convention("area", "half_pixel", step="sizes_only"),
}

# Modes whose ratio was zero for N = 1 before 1.10 (align_corners ignores the step anyway).
_ZERO_STEP = ("bilinear", "bicubic")

_SAME_PER_AXIS = {"linear": "bilinear", "trilinear": "bilinear"}


def output_size(input_size: int, scale_factor: float) -> int:
    """N in pixels for a scale factor: floor(X * scale_factor), in double precision."""
    return math.floor(input_size * scale_factor)


def nearest_copies(
    output_size: Tuple[int, int], channels: Optional[int], version: Optional[Tuple[int, int]]
) -> bool:
    """Whether `nearest` copies an axis of N = X and doubles one of N = 2X for every factor.

    Otherwise it reads floor(i / scale_factor) there, too. output_size: (height, width) in pixels;
    channels None is not known; version as for `axis`. A contiguous tensor is assumed: one in
    channels_last with four channels or more is always copied, by a kernel of its own. From 1.9 to
    1.13 that kernel ran for every channels_last tensor, as any of one channel is, and for no other.
    """
    if version is None or version >= (2, 0):
        return sum(output_size) <= _SMALL
    return version < (1, 9) or channels == 1


def axis(
    mode: str,
    align_corners: Optional[bool],
    antialias: bool,
    input_size: int,
    output_size: int,
    scale_factor: Optional[float] = None,
    recompute_scale_factor: Optional[bool] = None,
    version: Optional[Tuple[int, int]] = None,
    nearest_copies: bool = True,
) -> AxisSpec:
    """One axis of `interpolate(mode=..., ...)`; sizes in pixels, parameters as passed to it.

    mode: nearest, nearest-exact, bilinear (or linear, trilinear), bicubic, area.
    scale_factor: this axis' factor, None when `size` was given.
    version: (major, minor) of torch; None is a recent one. A scale factor is used as the step
        from 1.6 on (1.5: only with recompute_scale_factor=False; before: never). Before 1.10,
        N = 1 without align_corners samples at the start of the axis instead of its middle.
    nearest_copies: the result of `nearest_copies` for the whole map; only mode nearest uses it.
    Raises ValueError for a combination that PyTorch refuses too.
    """
    key = (_SAME_PER_AXIS.get(mode, mode), bool(align_corners), bool(antialias))
    if key not in MODES:
        raise ValueError(
            f"no mode {mode!r} with align_corners={align_corners}, antialias={antialias}; "
            f"modes: {', '.join(sorted({name for name, _, _ in MODES}))}"
        )
    convention = MODES[key]
    scale = scale_factor
    if _is_recomputed(recompute_scale_factor, version):
        scale = None
    nearest = key[0] == "nearest"
    if output_size == input_size and (nearest_copies if nearest else convention.copies):
        scale = None
    if output_size == 2 * input_size and nearest and nearest_copies:
        scale = None
    step = _STEPS[convention.step](input_size, output_size, scale)
    if output_size == 1 and version is not None and version < (1, 10) and key[0] in _ZERO_STEP:
        step = 0.0
    return AxisSpec(
        kernel=convention.kernel,
        transform=convention.transform,
        input_size=input_size,
        output_size=output_size,
        step=step,
        cubic_coeff_a=convention.cubic_coeff_a,
        exclude_outside=convention.exclude_outside,
        in_single=convention.in_single,
    )


def _is_recomputed(requested: Optional[bool], version: Optional[Tuple[int, int]]) -> bool:
    if version is not None and version < (1, 5):
        return True
    if requested is None:
        return version is not None and version < (1, 6)
    return requested
