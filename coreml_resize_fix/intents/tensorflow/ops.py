"""What a resize operator of TensorFlow computes, by its flags.

Source: tensorflow/core/ops/image_ops.cc; which one `tf.image.resize` calls is in image_ops_impl.py.
"""

import re
from typing import Any, Callable, Mapping, Sequence, Set, Union

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import LeftOut
from coreml_resize_fix.words import quoted

# operator -> mode
MODES = {
    "ResizeBilinear": "bilinear",
    "ResizeNearestNeighbor": "nearest",
    "ResizeBicubic": "bicubic",
    "ResizeArea": "area",
    "QuantizedResizeBilinear": "bilinear",
}
WITH_KERNEL = "ScaleAndTranslate"  # of tf.image.resize with antialias, or with another kernel
# kernel of ScaleAndTranslate -> mode, of tf.image.resize with antialias
KERNELS = {"triangle": "bilinear", "keyscubic": "bicubic"}
_RESIZES = re.compile(r"resize|upsampl|interpolat|scale_?and_?translate", re.IGNORECASE)


def is_resize(kind: str) -> bool:
    """Whether an operator resizes maps."""
    return kind in MODES or kind == WITH_KERNEL


def may_resize(name: str) -> bool:
    """Whether an operator, or a node, seems to resize by its name."""
    return bool(_RESIZES.search(name)) and "Grad" not in name


def intent_of(kind: str, flags: Mapping[str, Any]) -> Union[Intent, LeftOut]:
    """The intent of a resize operator without name and sizes, or why it has none."""
    if kind != WITH_KERNEL:
        is_centered = bool(flags.get("half_pixel_centers"))
        return Intent(
            framework="tensorflow2" if is_centered else "tensorflow1",
            mode=MODES[kind],
            align_corners=bool(flags.get("align_corners")),
        )
    kernel = flags.get("kernel_type", "lanczos3")
    kernel = kernel.decode("utf-8", "replace") if isinstance(kernel, bytes) else kernel
    if kernel not in KERNELS:
        return LeftOut(f"its kernel `{kernel}` is none that is known here")
    if not flags.get("antialias", True):
        return LeftOut(f"its kernel `{kernel}` has no antialias, unlike tf.image.resize's")
    return Intent(framework="tensorflow2", mode=KERNELS[kernel], antialias=True)


def checked(
    found: Union[Intent, LeftOut],
    before: Sequence[int],
    after: Sequence[int],
    scale: Any,
    translation: Any,
) -> Union[Intent, LeftOut]:
    """The intent of an executed ScaleAndTranslate, if it maps the whole image to the whole result.

    `before` and `after` are (height, width), `scale` and `translation` the values of its inputs.
    """
    factors = [int(made) / int(side) for made, side in zip(after, before)]
    if abs(translation).max() > 0 or abs(scale / factors - 1).max() > 1e-6:
        return LeftOut("its scale or translation is not that of a whole image")
    return found


def inside(name: str, nodes_of: Callable[[str], Any], known: Set[str]) -> Set[str]:
    """Names of the resize operators in a compiled function, and in those that it calls.

    `nodes_of` gives the nodes of a function; functions in `known` are skipped, and added to it.
    """
    if name in known:
        return set()
    known.add(name)
    nodes = nodes_of(name)
    found = {node.op for node in nodes if is_resize(node.op)}
    for node in nodes:
        for called in functions(node):
            found |= inside(called, nodes_of, known)
    return found


def functions(node: Any) -> Sequence[str]:
    """Names of the compiled functions that a node calls."""
    values = node.attr.values()
    called = [value.func for value in values]
    called += [function for value in values for function in value.list.func]
    return [function.name for function in called if function.name]


def not_seen(operators: Set[str]) -> str:
    """The words of a notice for resize operators in a compiled function."""
    return f"{quoted(sorted(operators), ' and ')} in a compiled function"
