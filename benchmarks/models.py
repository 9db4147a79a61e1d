"""Models of any size, made on the fly: convolutions with weights, and an Upsample now and then.

    python benchmarks/models.py PATH --layers 50 --channels 1024 [--half]

Weights are written layer by layer and never held as a whole.
"""

import argparse
import os
import sys
from typing import Any, BinaryIO, List, Tuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.wire import encode_field, encode_varint

_FLOAT32_ARRAY = 65568
_LENGTH = 2
_NETWORK, _LAYER, _CONVOLUTION, _WEIGHTS = 500, 1, 100, 90  # field numbers of the schema
_FLOATS, _HALVES = 1, 2
_EVERY = 50  # layers from one Upsample to the next; a pooling between two keeps the map's size
_SIDE = 16


def _model(channels: int) -> Any:
    model = schema.model_class()()
    model.specificationVersion = 1
    for feature, name in ((model.description.input, "x"), (model.description.output, "y")):
        declared = feature.add()
        declared.name = name
        declared.type.multiArrayType.dataType = _FLOAT32_ARRAY
        declared.type.multiArrayType.shape.extend([channels, _SIDE, _SIDE])
    return model


def _layer(index: int, last: bool, every: int) -> Any:
    layer = schema.layer_class()()
    layer.name = "layer_{}".format(index)
    layer.input.append("b{}".format(index - 1) if index else "x")
    layer.output.append("y" if last else "b{}".format(index))
    place = index % every
    if place == every - 1:
        layer.upsample.scalingFactor.extend([2, 2])
        layer.upsample.mode = 1
    elif place == every // 2:
        pooling = layer.pooling
        pooling.kernelSize.extend([2, 2])
        pooling.stride.extend([2, 2])
        pooling.valid.SetInParent()
    elif index % 2:
        layer.activation.ReLU.SetInParent()
    return layer


def _convolution(channels: int) -> bytes:
    convolution = schema.layer_class()().convolution
    convolution.outputChannels = convolution.kernelChannels = channels
    convolution.nGroups = 1
    convolution.kernelSize.extend([3, 3])
    convolution.same.SetInParent()
    return bytes(convolution.SerializeToString())


def _pieces(index: int, last: bool, every: int, channels: int, half: bool) -> Tuple[bytes, int]:
    """What precedes a layer's weights, and how many bytes of weights there are."""
    layer = _layer(index, last, every)
    if layer.WhichOneof("layer") is not None:
        return encode_field(_LAYER, layer.SerializeToString()), 0
    weights = channels * channels * 9 * (2 if half else 4)
    blob = _prefix(_HALVES if half else _FLOATS, weights)
    params = _convolution(channels) + _prefix(_WEIGHTS, len(blob) + weights) + blob
    head = layer.SerializeToString() + _prefix(_CONVOLUTION, len(params) + weights) + params
    return _prefix(_LAYER, len(head) + weights) + head, weights


def _prefix(number: int, length: int) -> bytes:
    return encode_varint(number << 3 | _LENGTH) + encode_varint(length)


def write(file: BinaryIO, layers: int, channels: int, half: bool) -> None:
    """Write a model of so many layers, half of them convolutions of channels² · 9 weights."""
    every = min(_EVERY, max(layers // 2, 2))
    pieces: List[Tuple[bytes, int]] = [
        _pieces(index, index == layers - 1, every, channels, half) for index in range(layers)
    ]
    total = sum(len(head) + weights for head, weights in pieces)
    file.write(_model(channels).SerializeToString() + _prefix(_NETWORK, total))
    noise = os.urandom(1 << 20)
    for head, weights in pieces:
        file.write(head)
        while weights:
            block = noise[: min(weights, len(noise))]
            file.write(block)
            weights -= len(block)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--half", action="store_true")
    options = parser.parse_args()
    with open(options.path, "wb") as file:
        write(file, options.layers, options.channels, options.half)


if __name__ == "__main__":
    main()
