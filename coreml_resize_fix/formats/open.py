"""From a path or from bytes to a model whose structure was read."""

from contextlib import contextmanager
from typing import Iterator

from coreml_resize_fix.errors import ModelError, SchemaError, reason
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.neuralnetwork import layers
from coreml_resize_fix.formats.neuralnetwork.model import NeuralNetworks
from coreml_resize_fix.formats.protobuf import skeleton
from coreml_resize_fix.formats.protobuf.wire import Source


def _read(label: str, source: Source) -> Model:
    try:
        models = layers.models(skeleton.read(source))
    except SchemaError:
        raise
    except ModelError as error:
        raise sniff.explain(label, source, error) from error
    return NeuralNetworks(label, source, models)


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
        yield _read(label, Source(file))


def open_bytes(data: bytes, label: str) -> Model:
    """Read the structure of a serialized model; `label` names it in messages.

    Raises:
        ModelError: the bytes are no readable Core ML model.
    """
    return _read(label, Source(data))
