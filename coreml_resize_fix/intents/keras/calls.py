"""What one layer in the configuration of a Keras model resizes.

Source: `resize_images` of each Keras's backend. UpSampling2D is `tf.image.resize` of TensorFlow 1
in Keras up to 2.3 and in tf.keras up to TensorFlow 1.14, and that of TensorFlow 2 ever since.
"""

import re
from dataclasses import replace
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Union

from coreml_resize_fix.intents import fields
from coreml_resize_fix.intents.fields import LARGEST_SIDE
from coreml_resize_fix.intents.model import Intent, Size
from coreml_resize_fix.intents.node_notices import LeftOut
from coreml_resize_fix.intents.tensorflow import ops
from coreml_resize_fix.intents.tensorflow.ops import may_resize

# Layers of Keras 2 that never resize when they predict; Keras 3 names the module of each.
_KNOWN = frozenset(
    re.findall(
        r"\w+",
        """
Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average
AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization BatchNormalizationV1
BatchNormalizationV2 Bidirectional CategoryEncoding Concatenate Conv1D Conv1DTranspose
Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM2DCell
ConvLSTM3D ConvRNN2D Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM Dense
DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Flatten
GRU GRUCell GRUCellV1 GRUCellV2 GRUV1 GRUV2 GaussianDropout GaussianNoise
GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization HashedCrossing Hashing Highway
Identity InputLayer IntegerLookup LSTM LSTMCell LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2
LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxPooling1D
MaxPooling2D MaxPooling3D Maximum MaxoutDense Minimum MultiHeadAttention Multiply
Normalization PReLU Permute RNN RandomBrightness RandomContrast RandomFlip
RandomFourierFeatures RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom
ReLU RepeatVector Rescaling Reshape SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell
SlicingOpLambda Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNormalization
TextVectorization ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D
UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
        """,
    )
)
# Layers of Keras that run code of the user's, or resize by their own in some cases.
_UNSEEN = (
    *("Lambda", "Layer", "CenterCrop", "RandomCrop"),
    *("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
)
_OPERATION = "Resize"  # `keras.ops.image.resize`; Keras 3 names no modules in HDF5
_READ = ("UpSampling2D", "Resizing", "TFOpLambda", "SlicingOpLambda")

# As `jax.image.resize` computes it: TensorFlow takes the weights from a table instead.
JAX_BICUBIC = Intent(
    framework="onnx",
    mode="bicubic",
    coordinate_transformation_mode="half_pixel",
    cubic_coeff_a=-0.5,
    exclude_outside=True,
)
_DOUBT_VERSION = (
    "{nodes} of a file that does not say which TensorFlow ran it, read as TensorFlow 1.15 and 2 "
    "compute them; 1.13 and 1.14 computed `tensorflow1`"
)
_DOUBT_BACKEND = (
    "{nodes} of a file that does not say on which backend Keras ran, read as TensorFlow computes "
    "them; JAX computes `bicubic` in its own way, and PyTorch all but `bilinear`"
)


class Era(NamedTuple):
    """How the Keras that wrote a file resizes."""

    is_first: bool = False  # as TensorFlow 1
    is_third: bool = False  # Keras 3
    is_doubtful: bool = False
    backend: Optional[str] = None


class Called(NamedTuple):
    """A call of a layer: its class, configuration, and arguments by name."""

    kind: str
    module: Any
    config: Dict[str, Any]
    arguments: Dict[str, Any]


class Resized(NamedTuple):
    """The intent of a call or why it has none; the shape that it makes; what is doubtful."""

    found: Union[Intent, LeftOut]
    makes: Optional[Sequence[Any]] = None
    doubt: Optional[str] = None


def era(version: Optional[str], backend: Optional[str]) -> Era:
    """What the version in a file says: `2.2.4` is Keras, `2.2.4-tf` a part of TensorFlow."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})", version or "")
    if found is None:
        return Era(is_doubtful=True, backend=backend)
    numbers = tuple(int(number) for number in found.groups())
    if version is not None and version.endswith("-tf"):
        return Era(numbers < (2, 2, 4), is_doubtful=numbers == (2, 2, 4), backend=backend)
    return Era(numbers < (2, 4), is_third=numbers >= (3,), backend=backend)


def is_seen(called: Called, registered: Any, era: Era) -> bool:
    """Whether a layer is one of Keras's own, and does what its configuration says."""
    if isinstance(called.module, str):
        own = called.module.split(".")[0] in ("keras", "tf_keras")
        return own and called.kind not in _UNSEEN
    known = called.kind in (*_READ, *_KNOWN) or (called.kind == _OPERATION and era.is_third)
    return not isinstance(registered, str) and known


def intent_of(called: Called, era: Era, source: Optional[Sequence[Any]]) -> Optional[Resized]:
    """What a call resizes; None if it is no resize."""
    if called.kind == "UpSampling2D":
        return _upsampling(called.config, era, source)
    if called.kind == "Resizing":
        return _resizing(called.config, era, source)
    if called.kind == _OPERATION and era.is_third:
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
    called = _by_keras(method, False, era, repeats=era.is_third and method == "nearest")
    doubt = _DOUBT_VERSION if era.is_doubtful and method == "bilinear" else None
    if era.is_third and method == "bicubic" and era.backend is None:
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
    is_doubtful = era.is_third and era.backend is None and (antialias or method != "bilinear")
    doubt = _DOUBT_BACKEND if is_doubtful else None
    called = _by_keras(method, antialias, era)
    return _sized(called, Intent(size=size), has_channels_last(config), source, doubt)


def _by_keras(
    method: Any, antialias: bool, era: Era, repeats: bool = False
) -> Union[Intent, LeftOut]:
    """The call that a layer makes of its interpolation; Keras 3 may repeat pixels instead."""
    if era.backend == "torch" and not repeats:
        filtered = antialias and method in ("bilinear", "bicubic")
        mode = _TORCH_MODES.get(method) if isinstance(method, str) else None
        return LeftOut(_UNKNOWN) if mode is None else Intent(mode=mode, antialias=filtered)
    if era.backend == "jax" and method == "bicubic" and not antialias:
        return JAX_BICUBIC
    called = _by_method(method, antialias, is_first=era.is_first)
    if isinstance(called, Intent) and called.framework == "tensorflow2":
        return replace(called, framework="keras")
    return called


_UNKNOWN = "its interpolation is none that is known here"
_TORCH_MODES = {"bilinear": "bilinear", "bicubic": "bicubic", "nearest": "nearest-exact"}
# method of `tf.image.resize` -> operator; TensorFlow 1 has numbers for them, too
_METHODS = {
    "bilinear": "ResizeBilinear",
    "nearest": "ResizeNearestNeighbor",
    "bicubic": "ResizeBicubic",
    "area": "ResizeArea",
}
_KERNELS = {"bilinear": "triangle", "bicubic": "keyscubic"}  # of antialias
_NUMBERS: Mapping[Any, str] = dict(enumerate(_METHODS))


def _by_method(
    method: Any, antialias: bool, is_first: bool = False, align_corners: bool = False
) -> Union[Intent, LeftOut]:
    """What `tf.image.resize` computes."""
    if type(method) is int:
        method = _NUMBERS.get(method)
    if not isinstance(method, str) or method not in _METHODS:
        return LeftOut(_UNKNOWN)
    if antialias and not is_first and method in _KERNELS:
        flags: Dict[str, Any] = {"kernel_type": _KERNELS[method], "antialias": True}
        return _checked(ops.intent_of(ops.WITH_KERNEL, flags))
    centers = not is_first and method != "area"
    flags = {"half_pixel_centers": centers, "align_corners": align_corners}
    return _checked(ops.intent_of(_METHODS[method], flags))


def _checked(found: Union[Intent, str]) -> Union[Intent, LeftOut]:
    return LeftOut(found) if isinstance(found, str) else found


def _function(called: Called, source: Optional[Sequence[Any]]) -> Optional[Resized]:
    """What a function of TensorFlow resizes that is a layer of a functional model of Keras 2."""
    function, given = called.config.get("function"), called.arguments
    if not isinstance(function, str) or not may_resize(function):
        return None
    name = function.split(".")[-1]
    is_first = function.startswith("compat.v1.")
    operators = {f"resize_{ops.MODES[kind]}": kind for kind in _METHODS.values()}
    operators["resize_nearest_neighbor"] = "ResizeNearestNeighbor"
    operator = name if function.startswith("raw_ops.") else operators.get(name)
    found: Union[Intent, LeftOut]
    if name in ("resize", "resize_images") and "image." in function:
        method = given.get("method", 0 if is_first else "bilinear")
        corners = is_first and bool(given.get("align_corners"))
        found = _by_method(method, bool(given.get("antialias")), is_first, corners)
    elif operator in _METHODS.values():
        found = _checked(ops.intent_of(str(operator), given))
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
    """A call with its sizes, as far as they are known."""
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
    defects: fields.Defects = []
    fields.check_together(vars(intent), "", defects)
    if defects:
        return Resized(LeftOut(defects[0][1]))
    made = list(source or [None] * 4)
    for axis, side in zip(sides, intent.output_size or (None, None)):
        made[axis] = side
    return Resized(intent, made, doubt)


def pair_of(value: Any) -> Optional[Size]:
    """Two numbers of pixels, or times; None if they are none."""
    both = value if isinstance(value, (list, tuple)) else [value, value]
    if len(both) != 2 or not all(type(n) is int and 0 < n <= LARGEST_SIDE for n in both):
        return None
    return both[0], both[1]


def has_channels_last(config: Mapping[str, Any]) -> bool:
    """Whether a layer takes N×H×W×C."""
    return config.get("data_format", config.get("dim_ordering")) not in ("channels_first", "th")
