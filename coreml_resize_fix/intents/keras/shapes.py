"""Infer the shapes that the layers in the configuration of a Keras model make.

Files of Keras 2 have the shapes of inputs alone. Source of the rules: `compute_output_shape` of the
layers. Only batches of images and maps, of four axes, are followed.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.intents.fields import LARGEST_SIDE
from coreml_resize_fix.intents.keras.calls import has_channels_last, pair_of
from coreml_resize_fix.intents.tensorflow.shapes import broadcast, windows

Shape = Sequence[Any]  # of four; None is a side that is not known
Config = Mapping[str, Any]
Rule = Callable[[Config, Sequence[Shape]], Optional[Shape]]

_RANK = 4


def made(kind: str, config: Config, shapes: Sequence[Optional[Shape]]) -> Optional[Shape]:
    """The output shape of a layer for inputs of these shapes; None if it is not known."""
    known = [shape for shape in shapes if shape is not None]
    rule = _RULES.get(kind)
    if rule is None or not known or len(known) < len(shapes):
        return None
    found = rule(config, known)
    if found is None or len(found) != _RANK:
        return None
    return [n if n is not None and 0 < n <= LARGEST_SIDE else None for n in found]


def _same(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    return shapes[0]


def _merged(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    """Add, Multiply and the like, which repeat a side of 1."""
    return [broadcast(sides) for sides in zip(*shapes)]


def _concatenated(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    axis = config.get("axis", -1)
    if type(axis) is not int or not -_RANK <= axis < _RANK:
        return None
    found: List[Any] = []
    for place, sides in enumerate(zip(*shapes)):
        if place == axis % _RANK:
            found.append(None if None in sides else sum(sides))
        else:
            found.append(sides[0] if len(set(sides)) == 1 else None)
    return found


def _placed(
    config: Config, shape: Shape, sides: Sequence[Any], channels: Any = None
) -> Optional[Shape]:
    """The shape with other sides, and other channels if they are given."""
    if has_channels_last(config):
        return [shape[0], *sides, channels or shape[3]]
    return [shape[0], channels or shape[1], *sides]


def _sides(config: Config, shape: Shape) -> Shape:
    return shape[1:3] if has_channels_last(config) else shape[2:4]


def _windows(
    config: Config, shape: Shape, size: Any, strides: Any, dilation: Any
) -> Optional[Shape]:
    """Height and width that a convolution or pooling makes; None if its configuration is odd."""
    numbers = [pair for pair in map(pair_of, (size, strides, dilation)) if pair is not None]
    padding = config.get("padding", "valid")
    if len(numbers) < 3 or padding not in ("same", "valid"):
        return None
    along = zip(_sides(config, shape), *numbers)
    return [
        windows(side, length, step, rate, is_padded=padding == "same")
        for side, length, step, rate in along
    ]


def _convolved(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    options = (config.get(name, 1) for name in ("kernel_size", "strides", "dilation_rate"))
    sides = _windows(config, shapes[0], *options)
    filters = config.get("filters")
    if sides is None or type(filters) is not int:
        return None
    return _placed(config, shapes[0], sides, filters)


def _by_channel(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    """DepthwiseConv2D."""
    (shape,) = shapes
    channels, times = (
        shape[3 if has_channels_last(config) else 1],
        config.get("depth_multiplier", 1),
    )
    if channels is None or type(times) is not int:
        return None
    return _convolved({**config, "filters": channels * times}, shapes)


def _transposed(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    """Conv2DTranspose."""
    size, strides = (pair_of(config.get(name, 1)) for name in ("kernel_size", "strides"))
    filters, padding = config.get("filters"), config.get("padding", "valid")
    is_plain = config.get("output_padding") is None
    is_plain = is_plain and pair_of(config.get("dilation_rate", 1)) == (1, 1)
    if size is None or strides is None or type(filters) is not int or not is_plain:
        return None
    if padding not in ("same", "valid"):
        return None
    sides = [
        None if side is None else side * step + (max(length - step, 0) if padding == "valid" else 0)
        for side, length, step in zip(_sides(config, shapes[0]), size, strides)
    ]
    return _placed(config, shapes[0], sides, filters)


def _pooled(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    size = config.get("pool_size", 2)
    strides = config.get("strides")
    sides = _windows(config, shapes[0], size, size if strides is None else strides, 1)
    return None if sides is None else _placed(config, shapes[0], sides)


def _averaged(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    return _placed(config, shapes[0], (1, 1)) if config.get("keepdims") else None


def _around(config: Config, shapes: Sequence[Shape], name: str, sign: int) -> Optional[Shape]:
    given = config.get(name, 1)
    both = given if isinstance(given, list) and len(given) == 2 else [given, given]
    ends = [one if isinstance(one, list) else [one, one] for one in both]
    if not all(len(one) == 2 and all(type(n) is int and n >= 0 for n in one) for one in ends):
        return None
    sides = [
        None if side is None else side + sign * sum(one)
        for side, one in zip(_sides(config, shapes[0]), ends)
    ]
    return _placed(config, shapes[0], sides)


def _padded(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    return _around(config, shapes, "padding", 1)


def _cropped(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    return _around(config, shapes, "cropping", -1)


def _permuted(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    order = config.get("dims")
    if not isinstance(order, list) or not all(type(n) is int and 0 < n < _RANK for n in order):
        return None
    return [shapes[0][0], *(shapes[0][axis] for axis in order)]


def _reshaped(config: Config, shapes: Sequence[Shape]) -> Optional[Shape]:
    asked = config.get("target_shape")
    if not isinstance(asked, list) or not all(type(n) is int and n > 0 for n in asked):
        return None
    return [shapes[0][0], *asked]


_SAME: Tuple[str, ...] = (
    *("Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dropout"),
    *("BatchNormalizationV1", "BatchNormalizationV2", "ELU", "GaussianDropout", "GaussianNoise"),
    *("GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "Normalization"),
    *("PReLU", "ReLU", "Rescaling", "Softmax", "SpatialDropout2D", "ThresholdedReLU"),
    *("UnitNormalization", "SyncBatchNormalization"),
)
_RULES: Dict[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"), _merged),
    "Concatenate": _concatenated,
    **dict.fromkeys(("Conv2D", "SeparableConv2D"), _convolved),
    "DepthwiseConv2D": _by_channel,
    "Conv2DTranspose": _transposed,
    **dict.fromkeys(("MaxPooling2D", "AveragePooling2D"), _pooled),
    **dict.fromkeys(("GlobalAveragePooling2D", "GlobalMaxPooling2D"), _averaged),
    "ZeroPadding2D": _padded,
    "Cropping2D": _cropped,
    "Permute": _permuted,
    "Reshape": _reshaped,
}
