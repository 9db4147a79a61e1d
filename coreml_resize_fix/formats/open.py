"""From a path or from bytes to a model whose structure was read."""

import os
from contextlib import contextmanager
from typing import Iterator, Optional

from coreml_resize_fix.errors import ModelError, SchemaError, reason
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.mlprogram.model import Programs
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.neuralnetwork import layers
from coreml_resize_fix.formats.neuralnetwork.model import NeuralNetworks
from coreml_resize_fix.formats.protobuf import skeleton
from coreml_resize_fix.formats.protobuf.wire import Source


def _read(label: str, source: Source, folder: Optional[str] = None) -> Model:
    """`folder` is where the file lies, if it is one: weights of ML Programs are beside it."""
    try:
        structure = skeleton.read(source)
        is_program = structure.root.is_program
        program = _program(label, source) if is_program else None
        models = [] if is_program else layers.models(structure)
    except SchemaError:
        raise
    except ModelError as error:
        raise sniff.explain(label, source, error) from error
    if program is not None:
        if folder is not None:
            program.require_weights(folder)
        return program
    return NeuralNetworks(label, source, models)


def _program(label: str, source: Source) -> Programs:
    try:
        return Programs(label, source)
    except SchemaError as error:
        raise SchemaError(f"`{label}` cannot be read: {error}", error.hint) from error


@contextmanager
def open_file(path: str, label: str) -> Iterator[Model]:
    """Read the structure of a model file; `label` names it in messages, as its package does.

    Raises:
        ModelError: there is no readable Core ML model.
    """
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise ModelError(
            f"cannot read `{label}`: {reason(error)}",
            "check the path and its permissions",
        ) from error
    with file:
        yield _read(label, Source(file), os.path.dirname(path))


def open_bytes(data: bytes, label: str, folder: Optional[str] = None) -> Model:
    """Read the structure of a serialized model; `label` names it in messages.

    `folder` is where the weights of an ML Program lie, if they are needed.

    Raises:
        ModelError: the bytes are no readable Core ML model.
    """
    return _read(label, Source(data), folder)
