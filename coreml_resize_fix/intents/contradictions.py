"""Check fields of a manifest that are valid alone against each other."""

from typing import Any, Dict, List, Optional, Tuple

from coreml_resize_fix.conventions import torch
from coreml_resize_fix.intents.fields import LARGEST_SIDE, Defects
from coreml_resize_fix.intents.model import MODES, ONNX_FIELDS, calls
from coreml_resize_fix.words import size_text


def report_contradictions(values: Dict[str, Any], where: str, defects: Defects) -> None:
    """Append to `defects` each contradiction between the values of one resize at `where`."""
    mode = values.get("mode", "bilinear")
    size, factor = values.get("size"), values.get("scale_factor")
    before, after = values.get("input_size"), values.get("output_size")
    framework = values.get("framework", "torch")
    only_onnx = [name for name in ONNX_FIELDS if values.get(name) is not None]
    scaled = None if before is None else _scaled(before, factor)
    pairs = values.get("sizes") or ()
    rules = (
        (
            size is not None and factor is not None,
            "",
            "`size` and `scale_factor` exclude each other, as in interpolate",
        ),
        (
            size is not None and after is not None and size != after,
            ".output_size",
            f"`output_size` {size_text(after)} contradicts `size` {size_text(size)}",
        ),
        (
            scaled is not None and after is not None and scaled != after,
            ".output_size",
            f"`output_size` {size_text(after)} contradicts `input_size` × `scale_factor`, "
            f"which gives {size_text(scaled)}",
        ),
        (
            scaled is not None and not all(1 <= n <= LARGEST_SIDE for n in scaled),
            ".scale_factor",
            f"this factor makes {size_text(scaled)} from {size_text(before)}, and a side has 1 to "
            f"{LARGEST_SIDE} pixels",
        ),
        (
            bool(pairs) and None not in (before, after) and (before, after) not in pairs,
            ".sizes",
            f"the observed {size_text(before)} → {size_text(after)} contradicts `sizes`: "
            "it is not in them",
        ),
        (
            bool(pairs) and size is not None and all(size != made for _, made in pairs),
            ".sizes",
            f"`size` {size_text(size)} contradicts `sizes`: no example has made it",
        ),
        (
            size is not None and values.get("recompute_scale_factor") is True,
            ".recompute_scale_factor",
            "`recompute_scale_factor` has no meaning with an explicit `size`",
        ),
        (
            mode not in {known for known, _, _ in calls(framework)},
            ".mode",
            f"`{mode}` is not known for {framework}",
        ),
        *(
            (
                values.get(name) is True and mode not in modes,
                "." + name,
                f"`{name}` goes with {' and '.join(modes)} only, not with `{mode}`"
                if modes
                else f"`{framework}` has no `{name}` with `{mode}`",
            )
            for name, modes in _modes_with(framework).items()
        ),
        (
            bool(only_onnx) and framework != "onnx",
            "." + "".join(only_onnx[:1]),
            f"`{', '.join(only_onnx)}` is known for onnx only",
        ),
    )
    defects.extend((where + step, what) for broken, step, what in rules if broken)
    for index, (given, made) in enumerate(pairs):
        wanted = _scaled(given, factor)
        if wanted not in (None, made):
            defects.append(
                (
                    f"{where}.sizes[{index}][1]",
                    f"{size_text(made)} contradicts {size_text(given)} × `scale_factor`, "
                    f"which gives {size_text(wanted)}",
                )
            )


def _modes_with(framework: str) -> Dict[str, List[str]]:
    """Option -> the modes that it goes with."""
    known = calls(framework)
    options = {"align_corners": (True, False), "antialias": (False, True)}
    return {
        name: [mode for mode in MODES if (mode, *values) in known]
        for name, values in options.items()
    }


def _scaled(size: Any, factor: Any) -> Optional[Tuple[int, ...]]:
    """The size that a factor makes; None if there is none."""
    if factor is None:
        return None
    return tuple(torch.output_size(n, f) for n, f in zip(size, factor))
