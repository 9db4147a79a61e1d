"""The one place that loads coremltools' generated protobuf classes.

`import coremltools` runs its converters' start-up code, which costs a second or more, four with
torch installed. Its generated modules alone are cheap, so they are loaded from its `proto` folder
under an alias package. With protobuf 4 and newer, coremltools gets the same classes when it is
imported later; with older ones it may get its own, so messages cross this border as bytes.
"""

import importlib
import importlib.util
import os
import sys
import types
from functools import lru_cache
from typing import Any, FrozenSet

from coreml_resize_fix.errors import SchemaError

_ALIAS = "_coreml_resize_fix_proto"

# coremltools 3.x knows specification versions up to 4 (iOS 13); fields added later would be
# silently unknown, so a layer would be misread rather than refused.
_FIRST_IOS14_FIELD = "linearUpsampleMode"


def _proto_package() -> str:
    if "coremltools.proto" in sys.modules:
        return "coremltools.proto"
    if _ALIAS in sys.modules:
        return _ALIAS
    spec = importlib.util.find_spec("coremltools")
    if spec is None or not spec.submodule_search_locations:
        raise SchemaError(
            "coremltools is not installed, and its schema is needed to read a model",
            "install it with `pip install coremltools`",
        )
    folder = os.path.join(next(iter(spec.submodule_search_locations)), "proto")
    package = types.ModuleType(_ALIAS)
    package.__path__ = [folder]
    sys.modules[_ALIAS] = package
    return _ALIAS


def _module(name: str) -> Any:
    package = _proto_package()
    try:
        return importlib.import_module(package + "." + name)
    except (ImportError, TypeError) as error:
        # Generated code of coremltools 5 and 6 raises TypeError under protobuf 4 and newer.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise SchemaError(
            f"the schema of the installed coremltools does not load: {reason}",
            "install a coremltools and protobuf that fit each other, for example "
            "`pip install 'coremltools>=7'`, or `pip install 'protobuf<3.21'` for an older one",
        ) from error


def model_class() -> Any:
    """The class of `CoreML.Specification.Model`."""
    return _module("Model_pb2").Model


def layer_class() -> Any:
    """The class of `CoreML.Specification.NeuralNetworkLayer`."""
    return _module("NeuralNetwork_pb2").NeuralNetworkLayer


def feature_class() -> Any:
    """The class of `CoreML.Specification.FeatureDescription`."""
    return _module("Model_pb2").FeatureDescription


def mil() -> Any:
    """The module of the messages that ML Programs are made of (`CoreML.Specification.MILSpec`).

    Raises:
        SchemaError: the installed coremltools is older than ML Programs.
    """
    if "mlProgram" not in model_class().DESCRIPTOR.fields_by_name:
        raise SchemaError(
            "the installed coremltools is too old to describe an ML Program",
            "install coremltools 5 or newer, in another virtual environment if this one must "
            "keep its version",
        )
    return _module("MIL_pb2")


@lru_cache(maxsize=None)
def layer_type_numbers() -> FrozenSet[int]:
    """Field numbers of the `layer` oneof: exactly one of them says what a layer is."""
    oneof = layer_class().DESCRIPTOR.oneofs_by_name["layer"]
    return frozenset(field.number for field in oneof.fields)


def layer_type_number(kind: str) -> int:
    """Field number of one layer kind, such as `resizeBilinear`."""
    return int(layer_class().DESCRIPTOR.fields_by_name[kind].number)


def knows_ios14() -> bool:
    """Whether the schema has the fields that Upsample gained with specification version 5."""
    upsample = layer_class().DESCRIPTOR.fields_by_name["upsample"].message_type
    return _FIRST_IOS14_FIELD in upsample.fields_by_name
