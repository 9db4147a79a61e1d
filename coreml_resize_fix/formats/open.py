"""From a path or from bytes to a model whose structure was read."""

from contextlib import contextmanager
from typing import Iterator, List

from coreml_resize_fix.errors import ModelError, SchemaError, reason
from coreml_resize_fix.formats import sniff, spec_versions
from coreml_resize_fix.formats.neuralnetwork import layers, required_version
from coreml_resize_fix.formats.neuralnetwork.layers import ModelRef
from coreml_resize_fix.formats.protobuf import schema, skeleton
from coreml_resize_fix.formats.protobuf.wire import Source


class Opened:
    """A model whose structure was read; `label` names it in messages, its source stays open."""

    def __init__(self, label: str, source: Source) -> None:
        self.label, self.source = label, source
        try:
            self.models: List[ModelRef] = layers.models(skeleton.read(source))
        except SchemaError:
            raise
        except ModelError as error:
            raise sniff.explain(label, source, error) from error
        self.spec_version = required_version.current_version(self.models)
        if self.spec_version >= spec_versions.UPSAMPLE_MODES and not schema.knows_ios14():
            raise SchemaError(
                "`{}` has specification version {}, and the installed coremltools is too old to "
                "describe it".format(label, self.spec_version),
                "install coremltools 4 or newer, in another virtual environment if this one must "
                "keep its version",
            )


@contextmanager
def open_file(path: str, label: str) -> Iterator[Opened]:
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
        yield Opened(label, Source(file))


def open_bytes(data: bytes, label: str) -> Opened:
    """Read the structure of a serialized model; `label` names it in messages.

    Raises:
        ModelError: the bytes are no readable Core ML model.
    """
    return Opened(label, Source(data))
