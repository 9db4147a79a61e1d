"""Small models, built message by message with protobuf alone."""

import json
import os
from typing import Any, Sequence

from google.protobuf import text_format

from coreml_resize_fix.formats.protobuf import schema

RANK5, EXACT = 0, 1

TRUNCATED = "upsample { scalingFactor: 1 scalingFactor: 1 mode: BILINEAR }"
DOUBLE = "upsample { scalingFactor: 2 scalingFactor: 2 mode: BILINEAR }"
NEAREST = "upsample { scalingFactor: 2 scalingFactor: 2 mode: NN }"
RELU = "activation { ReLU { } }"


def network(
    shape: Sequence[int],
    layers: Sequence[str],
    version: int = 1,
    kind: str = "neuralNetwork",
    mapping: int = RANK5,
    output: str = "multiArrayType { dataType: FLOAT32 }",
    names: Sequence[str] = ("image", "scores"),
) -> Any:
    """A chain of layers, each in protobuf text format; blobs are `image`, `b1`, …, `scores`."""
    model = schema.model_class()(specificationVersion=version)
    taken = model.description.input.add(name=names[0]).type.multiArrayType
    taken.shape.extend(shape)
    taken.dataType = 65568  # FLOAT32
    text_format.Merge(output, model.description.output.add(name=names[1]).type)
    body = getattr(model, kind)
    body.SetInParent()
    body.arrayInputShapeMapping = mapping
    chain(body, layers, names)
    return model


def chain(body: Any, layers: Sequence[str], names: Sequence[str]) -> None:
    """Append layers to a network, from the first of the two blobs to the other."""
    blob = names[0]
    for index, text in enumerate(layers):
        made = names[1] if index == len(layers) - 1 else "b{}".format(index + 1)
        layer = body.layers.add(name="{}_{}".format(made, index), input=[blob], output=[made])
        text_format.Merge(text, layer)
        blob = made


def named(body: Any, layers: Sequence[Any]) -> None:
    """Append layers to a network, each (name, inputs, output, text)."""
    for name, inputs, output, text in layers:
        text_format.Merge(text, body.layers.add(name=name, input=inputs, output=[output]))


def pipeline(children: Sequence[Any], version: int = 1, kind: str = "pipeline") -> Any:
    """A pipeline with the input of its first model and the outputs of its last one."""
    model = schema.model_class()(specificationVersion=version)
    model.description.input.extend(children[0].description.input)
    model.description.output.extend(children[-1].description.output)
    owner = getattr(model, kind)
    inner = owner if kind == "pipeline" else owner.pipeline
    inner.models.extend(children)
    return model


def write(folder: Any, model: Any, name: str = "model.mlmodel") -> str:
    """Write a model, a message or its bytes, and return its path."""
    path = os.path.join(str(folder), name)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with open(path, "wb") as file:
        file.write(data)
    return path


def write_package(folder: Any, model: Any, name: str = "model.mlpackage") -> str:
    """A .mlpackage as coremltools writes it, with weights of another model beside the model."""
    package = os.path.join(str(folder), name)
    data = os.path.join(package, "Data", "com.apple.CoreML")
    os.makedirs(os.path.join(data, "weights"))
    write(data, model)
    write(os.path.join(data, "weights"), bytes(range(256)), "weight.bin")
    write_manifest(package, "com.apple.CoreML/model.mlmodel")
    return package


def write_manifest(package: str, path: Any) -> None:
    """The Manifest.json of a package whose root model is at `path`, relative to Data."""
    document = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            "AAAA": {"author": "com.apple.CoreML", "name": "weights", "path": "com.apple.CoreML/w"},
            "BBBB": {"author": "com.apple.CoreML", "name": "model.mlmodel", "path": path},
        },
        "rootModelIdentifier": "BBBB",
    }
    with open(os.path.join(package, "Manifest.json"), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=4)
