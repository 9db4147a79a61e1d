"""What one layer in the configuration of a Keras model resizes."""

from dataclasses import replace
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Union

from coreml_resize_fix.intents.fields import LARGEST_SIDE
from coreml_resize_fix.intents.keras.interpolation import (
    METHODS,
    Era,
    keras_call,
    tensorflow_call,
)
from coreml_resize_fix.intents.keras.own_layers import OPERATION
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import LeftOut, consistent
from coreml_resize_fix.intents.size_law import Size
from coreml_resize_fix.intents.tensorflow import ops
from coreml_resize_fix.intents.tensorflow.ops import may_resize

_DOUBT_VERSION = (
    "{nodes} of a file that does not say which TensorFlow ran it, read as TensorFlow 1.15 and 2 "
    "compute them; 1.13 and 1.14 computed `tensorflow1`"
)
_DOUBT_BACKEND = (
    "{nodes} of a file that does not say on which backend Keras ran, read as TensorFlow computes "
    "them; JAX computes `bicubic` in its own way, and PyTorch all but `bilinear`"
)


class Called(NamedTuple):
    """A call of a layer: its class, configuration, and arguments by name."""

    kind: str
    module: Any
    config: Dict[str, Any]
    arguments: Dict[str, Any]


class Resized(NamedTuple):
    """The intent of a call, or why it has none; its output's shape; a remark if there is doubt."""

    found: Union[Intent, LeftOut]
    makes: Optional[Sequence[Any]] = None
    doubt: Optional[str] = None


def intent_of(called: Called, era: Era, source: Optional[Sequence[Any]]) -> Optional[Resized]:
    """The intent of a call whose input has the shape `source`; None if the call does not resize."""
    if called.kind == "UpSampling2D":
        return _upsampling(called.config, era, source)
    if called.kind == "Resizing":
        return _resizing(called.config, era, source)
    if called.kind == OPERATION and era.is_keras3:
        return _resizing(called.config, era, source)
    if str(called.module).endswith(".ops.image") and may_resize(called.kind):
        return Resized(LeftOut(f"the operation `{called.kind}` is not read"))
    if called.kind == "TFOpLambda":
        return _function(called, source)
    return None


def _upsampling(config: Dict[str, Any], era: Era, source: Optional[Sequence[Any]]) -> Resized:
    factors = pair_of(config.get("size", 2))
    if factors is None:
        return Resized(LeftOut("its size is none"))
    method = config.get("interpolation", "nearest")
    if method != "nearest" and era.backend in ("theano", "cntk"):
        return Resized(LeftOut(f"Keras ran it on {era.backend}, which resizes in its own way"))
    given = Intent(scale_factor=(float(factors[0]), float(factors[1])))
    called = keras_call(method, False, era, repeats=era.is_keras3 and method == "nearest")
    doubt = _DOUBT_VERSION if era.may_be_tensorflow1 and method == "bilinear" else None
    if era.is_keras3 and method == "bicubic" and era.backend is None:
        doubt = _DOUBT_BACKEND
    return _sized(called, given, has_channels_last(config), source, doubt)


def _resizing(config: Dict[str, Any], era: Era, source: Optional[Sequence[Any]]) -> Resized:
    size = pair_of(config.get("size", [config.get("height"), config.get("width")]))
    if size is None:
        return Resized(LeftOut("its size is none"))
    for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        if config.get(name):
            return Resized(LeftOut(f"`{name}` cuts or pads the image around what it resizes"))
    method, antialias = config.get("interpolation", "bilinear"), bool(config.get("antialias"))
    is_doubtful = era.is_keras3 and era.backend is None and (antialias or method != "bilinear")
    doubt = _DOUBT_BACKEND if is_doubtful else None
    called = keras_call(method, antialias, era)
    return _sized(called, Intent(size=size), has_channels_last(config), source, doubt)


def _function(called: Called, source: Optional[Sequence[Any]]) -> Optional[Resized]:
    """What a TensorFlow function resizes that is a layer (TFOpLambda) of a model of Keras 2."""
    function, given = called.config.get("function"), called.arguments
    if not isinstance(function, str) or not may_resize(function):
        return None
    name = function.split(".")[-1]
    as_tensorflow1 = function.startswith("compat.v1.")
    operators = {f"resize_{ops.MODES[kind]}": kind for kind in METHODS.values()}
    operators["resize_nearest_neighbor"] = "ResizeNearestNeighbor"
    operator = name if function.startswith("raw_ops.") else operators.get(name)
    found: Union[Intent, LeftOut]
    if name in ("resize", "resize_images") and "image." in function:
        method = given.get("method", 0 if as_tensorflow1 else "bilinear")
        corners = as_tensorflow1 and bool(given.get("align_corners"))
        found = tensorflow_call(method, bool(given.get("antialias")), as_tensorflow1, corners)
    elif operator in METHODS.values():
        found = ops.intent_of(str(operator), given)
    else:
        found = LeftOut(f"the function `{function}` is not read")
    if given.get("preserve_aspect_ratio"):
        found = LeftOut("`preserve_aspect_ratio` makes a size that the file does not say")
    return _sized(found, Intent(size=pair_of(given.get("size"))), True, source, None)


def _sized(
    call: Union[Intent, LeftOut],
    given: Intent,
    is_last: bool,
    source: Optional[Sequence[Any]],
    doubt: Optional[str],
) -> Resized:
    """The intent `call` with the size or factor of `given`, and the sizes that `source` gives.

    `is_last`: channels are the last axis.
    """
    if isinstance(call, LeftOut):
        return Resized(call)
    sides = (1, 2) if is_last else (2, 3)
    before = [None, None] if source is None else [source[axis] for axis in sides]
    channels = None if source is None else source[3 if is_last else 1]
    input_size = None if None in before else pair_of(before)
    intent = replace(
        call,
        size=given.size,
        scale_factor=given.scale_factor,
        input_size=input_size,
        channels=channels,
    )
    intent = replace(intent, output_size=intent.target_size(input_size))
    found = consistent(intent)
    if isinstance(found, LeftOut):
        return Resized(found)
    made = list(source or [None] * 4)
    for axis, side in zip(sides, intent.output_size or (None, None)):
        made[axis] = side
    return Resized(intent, made, doubt)


def pair_of(value: Any) -> Optional[Size]:
    """A number as a pair, or a list of two; None unless both are from 1 to the largest side."""
    both = value if isinstance(value, (list, tuple)) else [value, value]
    if len(both) != 2 or not all(type(n) is int and 0 < n <= LARGEST_SIDE for n in both):
        return None
    return both[0], both[1]


def has_channels_last(config: Mapping[str, Any]) -> bool:
    """Whether a layer takes N×H×W×C."""
    return config.get("data_format", config.get("dim_ordering")) not in ("channels_first", "th")
