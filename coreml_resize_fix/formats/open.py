"""From a path or from bytes to a model whose structure was read."""

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, Mapping, Optional

from coreml_resize_fix.errors import ModelError, SchemaError, reason
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.protobuf import skeleton
from coreml_resize_fix.formats.protobuf.wire import Source

if TYPE_CHECKING:
    from coreml_resize_fix.formats.mlprogram.model import Programs

# Each kind of model is imported where a file of it is read: neither needs the other's modules.


def _read(label: str, source: Source, beside: Optional[ModelFolder] = None) -> Model:
    """`beside` is where the file lies, if it is one: weights of ML Programs are beside it."""
    model: Optional[Model] = None
    try:
        structure = skeleton.read(source)
        if structure.root.is_program:
            model = _program(label, source, beside)
        else:
            from coreml_resize_fix.formats.neuralnetwork import layers

            models = layers.models(structure)
            if any(one.is_program for one in models):
                from coreml_resize_fix.formats.mixed_pipeline import MixedPipeline

                model = MixedPipeline(label, source, models, beside)
    except SchemaError:
        raise
    except ModelError as error:
        raise sniff.explain(label, source, error) from error
    if model is None:
        from coreml_resize_fix.formats.neuralnetwork.model import NeuralNetworks

        return NeuralNetworks(label, source, models)
    model.require_weights()
    return model


def _program(label: str, source: Source, beside: Optional[ModelFolder]) -> "Programs":
    from coreml_resize_fix.formats.mlprogram.model import Programs

    try:
        return Programs(label, source, beside)
    except SchemaError as error:
        raise SchemaError(f"`{label}` cannot be read: {error.message}", error.hint) from error


@contextmanager
def open_file(
    path: str, label: str, unfinished: Optional[Mapping[str, str]] = None
) -> Iterator[Model]:
    """Read the structure of a model file; `label` names it in messages, as its package does.

    `unfinished` are files beside it that are not in their place yet (see `beside`).

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
        yield _read(label, Source(file), ModelFolder(os.path.dirname(path), unfinished))


def open_bytes(data: bytes, label: str, beside: Optional[ModelFolder] = None) -> Model:
    """Read the structure of a serialized model; `label` names it in messages.

    `beside` is where its weights are; without it they are not looked for.

    Raises:
        ModelError: the bytes are not a readable Core ML model.
    """
    return _read(label, Source(data), beside)
