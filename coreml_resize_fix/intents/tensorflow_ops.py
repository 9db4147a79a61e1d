"""What a resize operator of TensorFlow computes, by its flags.

Source: tensorflow/core/ops/image_ops.cc; which one `tf.image.resize` calls is in image_ops_impl.py.
"""

from typing import Any, Callable, Mapping, Optional, Sequence, Set, Union

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


def checked(
    found: Union[Intent, str],
    before: Sequence[int],
    after: Sequence[int],
    scale: Any,
    translation: Any,
) -> Union[Intent, str]:
    """A resize with a kernel, if it neither scales otherwise than its sizes say nor moves."""
    factors = [int(made) / int(side) for made, side in zip(after, before)]
    if abs(translation).max() > 0 or abs(scale / factors - 1).max() > 1e-6:
        return f"`{WITH_KERNEL}` by other factors than its sizes, or with an offset"
    return found


def inside(name: str, nodes_of: Callable[[str], Any], known: Set[str]) -> Set[str]:
    """The resize operators in a compiled function, and in those that it calls.

    `nodes_of` gives the nodes of a function; `known` are those that were looked at.
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
    """The compiled functions that a node calls."""
    values = node.attr.values()
    called = [value.func for value in values]
    called += [function for value in values for function in value.list.func]
    return [function.name for function in called if function.name]


def not_seen(operators: Set[str]) -> str:
    """What is said of resizes in a compiled function."""
    return f"{' and '.join(f'`{one}`' for one in sorted(operators))} in a compiled function"


def _text(value: Any) -> Optional[str]:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
