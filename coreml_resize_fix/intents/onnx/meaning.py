"""The intent of an ONNX resize node.

A node of PyTorch's exporter means the call that PyTorch exported. Any other node means what ONNX
defines; it gets the name of another framework's call only if the grids are equal.
"""

from dataclasses import replace
from typing import Dict, Optional, Tuple, Union

import numpy as np

from coreml_resize_fix.conventions import torch
from coreml_resize_fix.conventions.onnx import COORDINATE_MODES, NEAREST_MODES
from coreml_resize_fix.intents.model import ONNX_MODES, Intent
from coreml_resize_fix.intents.node_notices import LeftOut
from coreml_resize_fix.intents.onnx.fold import attribute
from coreml_resize_fix.intents.onnx.geometry import geometry_of
from coreml_resize_fix.intents.onnx.shapes import ResizeNode
from coreml_resize_fix.sampling import difference

_MODES = {onnx: ours for ours, onnx in ONNX_MODES.items()}

# (mode, coordinate_transformation_mode, nearest_mode of a nearest one)
#   -> framework, mode, align_corners, and whether PyTorch's exporter writes it
_CALLS: Dict[Tuple[str, str, str], Tuple[str, str, bool, bool]] = {
    ("linear", "align_corners", ""): ("torch", "bilinear", True, True),
    ("linear", "half_pixel", ""): ("torch", "bilinear", False, True),
    ("linear", "pytorch_half_pixel", ""): ("torch", "bilinear", False, True),
    ("linear", "asymmetric", ""): ("tensorflow1", "bilinear", False, False),
    ("cubic", "align_corners", ""): ("torch", "bicubic", True, True),
    ("cubic", "half_pixel", ""): ("torch", "bicubic", False, True),
    ("cubic", "pytorch_half_pixel", ""): ("torch", "bicubic", False, True),
    ("nearest", "asymmetric", "floor"): ("torch", "nearest", False, True),
    # No exporter of PyTorch up to 2.13 writes nearest-exact as a Resize; this is its grid.
    ("nearest", "half_pixel", "round_prefer_ceil"): ("torch", "nearest-exact", False, False),
    ("nearest", "tf_half_pixel_for_nn", "floor"): ("torch", "nearest-exact", False, False),
}

# Where a size is not known, grids are compared at these.
_SAMPLES = (1, 2, 3, 5, 7, 12, 64)


def is_legacy(resize: ResizeNode, version: int) -> bool:
    """Whether the node is an Upsample or Resize 10: always asymmetric and floor."""
    return resize.node.op_type == "Upsample" or version < 11


def is_linear(resize: ResizeNode) -> bool:
    """Whether the node interpolates linearly."""
    return bool(attribute(resize.node, "mode", "nearest") == "linear")


def intent_of(
    resize: ResizeNode, version: int, torch_version: Optional[str]
) -> Union[Intent, LeftOut]:
    """The intent of a node without its name, or why it has none.

    `version` is the opset, `torch_version` PyTorch's if it wrote the file, else None.
    """
    literal = _literal(resize, is_legacy(resize, version))
    if isinstance(literal, LeftOut):
        return literal
    geometry = geometry_of(resize, exactly=torch_version is None)
    if isinstance(geometry, LeftOut):
        return geometry
    literal = replace(
        literal,
        size=geometry.size,
        scale_factor=geometry.factor,
        recompute_scale_factor=None if geometry.factor is None else False,
        input_size=geometry.input_size,
        output_size=geometry.output_size,
        channels=geometry.channels,
    )
    if resize.runtime == "scales" and literal.coordinate_transformation_mode != "align_corners":
        return LeftOut("its scales are computed at run time")
    return _named(literal, torch_version)


def _literal(resize: ResizeNode, legacy: bool) -> Union[Intent, LeftOut]:
    """The attributes as an intent of the framework `onnx`."""
    node = resize.node
    mode = attribute(node, "mode", "nearest")
    coordinates = attribute(node, "coordinate_transformation_mode", "half_pixel")
    rounding = attribute(node, "nearest_mode", "round_prefer_floor")
    if legacy:
        coordinates, rounding = "asymmetric", "floor"
    policy = attribute(node, "keep_aspect_ratio_policy", "stretch")
    known = [
        ("mode", mode, tuple(_MODES)),
        ("coordinate_transformation_mode", coordinates, COORDINATE_MODES),
        ("nearest_mode", rounding, NEAREST_MODES),
    ]
    for what, value, values in known:
        if value not in values:
            return LeftOut(f"its {what} `{value}` is not one of ONNX's")
    if coordinates == "tf_crop_and_resize":
        return LeftOut("it crops (tf_crop_and_resize), which is more than a resize")
    if policy != "stretch" and resize.sizes is not None:
        return LeftOut(f"its keep_aspect_ratio_policy is `{policy}`")
    antialias = bool(attribute(node, "antialias", 0)) and mode != "nearest"
    coefficient = attribute(node, "cubic_coeff_a", -0.75)
    if not np.isfinite(coefficient):
        return LeftOut(f"its cubic_coeff_a is {coefficient}")
    return Intent(
        framework="onnx",
        mode=_MODES[mode],
        antialias=antialias,
        coordinate_transformation_mode=coordinates,
        nearest_mode=rounding if mode == "nearest" else None,
        cubic_coeff_a=float(str(np.float32(coefficient))) if mode == "cubic" else None,
        exclude_outside=bool(attribute(node, "exclude_outside", 0)) or None,
    )


def _named(literal: Intent, torch_version: Optional[str]) -> Intent:
    """The equivalent call of a framework, or the intent as it is."""
    mode, coordinates = ONNX_MODES[literal.mode], literal.coordinate_transformation_mode or ""
    call = _CALLS.get((mode, coordinates, literal.nearest_mode or ""))
    if call is None:
        return literal
    framework, called, align_corners, is_written = call
    named = replace(
        literal,
        framework=framework,
        mode=called,
        align_corners=align_corners,
        coordinate_transformation_mode=None,
        nearest_mode=None,
        cubic_coeff_a=None,
        exclude_outside=None,
    )
    # With antialias, the first exporters wrote another coefficient and edges than PyTorch uses.
    is_default = literal.antialias or (
        literal.cubic_coeff_a in (None, -0.75) and not literal.exclude_outside
    )
    if torch_version is not None and is_written and is_default:
        return replace(named, framework_version=torch_version)
    return named if _equal(named, literal) else literal


def _equal(one: Intent, other: Intent) -> bool:
    """Whether two intents compute the same at their sizes, or at samples of unknown sizes."""
    befores = [(n,) for n in one.input_size] if one.input_size else [_SAMPLES, _SAMPLES]
    target = one.size or one.output_size
    for axis in (0, 1):
        factor = one.scale_factor[axis] if one.scale_factor else None
        for before in befores[axis]:
            if factor is not None:
                afters: Tuple[int, ...] = (torch.output_size(before, factor),)
            else:
                afters = (target[axis],) if target else _SAMPLES
            for after in filter(None, afters):
                # Both axes are alike, so a square shows one.
                pair = [
                    replace(i, scale_factor=(factor, factor) if factor else None).axes(
                        (before, before), (after, after)
                    )[0]
                    for i in (one, other)
                ]
                if not difference(*pair).equal:
                    return False
    return True
