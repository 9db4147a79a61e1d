"""Operations that resize, or sample at coordinates of their own.

Sources: those of `conventions.mil`; the formulas are those of `verify.kernels.positions`. The size
that an operation declares goes first; else a factor makes the product in single precision, rounded
down, as coremltools declares it with NumPy 2.
"""

from typing import Optional

import numpy as np

from coreml_resize_fix.conventions import mil
from coreml_resize_fix.formats.mlprogram.execute.call import Call, Kinds
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.verify.kernels import resampling, sampling
from coreml_resize_fix.verify.kernels.checks import KernelError, need_rank, need_room


def _size_by_factor(call: Call, x: np.ndarray) -> Size:
    found = []
    declared = call.operation.outputs[0].type
    dims = declared.dims if declared is not None else None
    for axis, side in ((-2, "height"), (-1, "width")):
        name = f"scale_factor_{side}"
        factor = call.array(name).reshape(-1)[0] if name in call else np.int32(1)
        exact = int(factor) if factor.dtype.kind in "iu" else float(factor)
        sizes = mil.sizes_by_factor(x.shape[axis], exact)
        size = dims[axis] if dims is not None and len(dims) == x.ndim else None
        found.append(size if size is not None and size in sizes else sizes[0])
    return found[0], found[1]


def upsample_bilinear(call: Call) -> np.ndarray:
    x = call.array()
    need_rank(x, 3)
    aligned = call.flag("align_corners", True)
    half = call.flag("half_pixel_centers", not aligned)
    if aligned and half:
        raise KernelError("has aligned corners with half-pixel centers, which is not documented")
    mode = "STRICT_ALIGN_CORNERS" if aligned else "UNALIGN_CORNERS" if half else "DEFAULT"
    return _resized(x, _size_by_factor(call, x), mode)


def upsample_nearest(call: Call) -> np.ndarray:
    x = call.array()
    need_rank(x, 3)
    return _resized(x, _size_by_factor(call, x), None)


def _target(call: Call) -> Size:
    return call.size("target_size_height", 1), call.size("target_size_width", 1)


def resize_bilinear(call: Call) -> np.ndarray:
    return _resized(call.array(), _target(call), _mode(call))


def resize_nearest(call: Call) -> np.ndarray:
    return _resized(call.array(), _target(call), None)


def _mode(call: Call) -> str:
    mode = call.word("sampling_mode", "DEFAULT")
    if mode not in mil.SAMPLING_MODES:
        raise KernelError(f"has `sampling_mode` {mode}, which is not known here")
    return mode


def _resized(x: np.ndarray, size: Size, mode: Optional[str]) -> np.ndarray:
    need_room(x.shape[:-2] + size)
    if min(size) < 1:
        raise KernelError(f"would make a map of {size[0]}x{size[1]}")
    return resampling.resize(x, size, mode)


def resize(call: Call) -> np.ndarray:
    """resize of iOS 17: the last dimensions become those of `shape`; 0 keeps one."""
    x, resized = call.array(), call.size("resized_dims")
    shape = call.whole("shape")
    if not 1 <= resized <= min(2, x.ndim, len(shape)):
        raise KernelError(f"resizes {resized} dimensions, and one or two are known here")
    wanted = [new or old for new, old in zip(shape[-resized:], x.shape[-resized:])]
    size = (x.shape[-2] if x.ndim > 1 else 1, *wanted)[-2:]
    need_room((*x.shape[:-resized], *wanted))
    if min(wanted) < 1:
        raise KernelError(f"would make a size of {min(wanted)}")
    nearest = call.word("interpolation_mode", "LINEAR") == "NEAREST_NEIGHBOR"
    whole = x.dtype.kind in "iu"
    made = resampling.resize(
        x.astype(np.float64) if whole and not nearest else x,
        size,
        _mode(call),
        nearest,
        (-1, -2)[:resized],
    )
    return np.rint(made).astype(x.dtype) if whole and not nearest else made


def crop_resize(call: Call) -> np.ndarray:
    """Boxes of images: with `roi` until iOS 16 → [N, B or 1, C, h, w], then [N, C, h, w]."""
    x = call.array()
    need_rank(x, 4, 4)
    size = call.size("target_height", 1), call.size("target_width", 1)
    old = "roi" in call
    if old:
        boxes = call.array("roi")
        boxes = boxes.reshape(len(boxes), -1)
    else:
        boxes = call.array("boxes")
        index = call.whole("box_indices", range(len(boxes)))
        if any(not 0 <= one < len(x) for one in index):
            raise KernelError(f"takes images {list(index)} of {len(x)}")
        numbers = np.array(index, np.float64).reshape(-1, 1)
        boxes = np.concatenate([numbers, boxes.astype(np.float64)], axis=1)
    need_room((len(boxes), *x.shape[:2], *size))
    made = resampling.crop_resize(
        x,
        boxes.astype(np.float64),
        size,
        _mode(call),
        call.word("box_coordinate_mode", "CORNERS_HEIGHT_FIRST"),
        call.flag("normalized_coordinates"),
        call.number("spatial_scale", 1.0),
        call.number("pad_value", 0.0),
    )
    return made if old else made[:, 0]


def resample(call: Call) -> np.ndarray:
    x, at = call.array(), call.array("coordinates")
    if x.ndim != 4 or at.ndim != 4 or at.shape[-1] != 2 or at.shape[0] != x.shape[0]:
        raise KernelError(f"samples {x.shape} at {at.shape}")
    mode, aligned = call.word("coordinates_mode"), call.flag("align_corners")
    across = sampling.pixel_coordinates(at[..., 0], x.shape[-1], mode, aligned)
    down = sampling.pixel_coordinates(at[..., 1], x.shape[-2], mode, aligned)
    return sampling.resample(
        x,
        across,
        down,
        call.word("sampling_mode"),
        call.word("padding_mode"),
        call.number("padding_value", 0.0),
    )


def affine(call: Call) -> np.ndarray:
    x, mode = call.array(), call.word("coordinates_mode")
    need_rank(x, 4, 4)
    aligned = call.flag("align_corners")
    if mode != "unnormalized" and not aligned:
        raise KernelError("has `align_corners` false, which MIL does not support")
    size = call.size("output_height"), call.size("output_width")
    across, down = sampling.affine_coordinates(call.array("transform_matrix"), size, mode)
    across = sampling.pixel_coordinates(across, x.shape[-1], mode, aligned)
    down = sampling.pixel_coordinates(down, x.shape[-2], mode, aligned)
    if len(across) not in (1, len(x)):
        raise KernelError(f"has {len(across)} matrices for {len(x)} images")
    return sampling.resample(
        x, across, down, call.word("sampling_mode"), call.word("padding_mode"), 0.0
    )


KINDS: Kinds = {
    "affine": affine,
    "crop_resize": crop_resize,
    "resample": resample,
    "resize": resize,
    "resize_bilinear": resize_bilinear,
    "resize_nearest_neighbor": resize_nearest,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest,
}
