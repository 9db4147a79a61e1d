"""Programs made by coremltools' builder, and what its own loader says of a file."""

import contextlib
import io
import json
import os
import warnings

with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import coremltools as ct
    from coremltools.converters.mil.frontend.milproto import load as milproto
    from coremltools.converters.mil.mil import Builder as mb  # noqa: N813

TARGETS = {15: ct.target.iOS15, 16: ct.target.iOS16, 17: ct.target.iOS17, 18: ct.target.iOS18}


def program(make, shape, ios=15, inputs=None):
    """A coremltools Program of one function; `make` gets the input and returns the output."""
    with quiet():
        return mb.program(input_specs=[mb.TensorSpec(shape=shape)], opset_version=TARGETS[ios])(
            make
        )


def model_file(made, ios=15, inputs=None):
    """Bytes of the model file of a Program, converted as it stands; no weights are kept."""
    with quiet():
        converted = ct.convert(
            made,
            convert_to="mlprogram",
            inputs=inputs,
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=TARGETS[ios],
            pass_pipeline=ct.PassPipeline.EMPTY,
            skip_model_load=True,
        )
        return converted.get_spec().SerializeToString()


def save(made, path, ios=15, inputs=None, precision="float32", passes=None):
    """Convert a Program or a traced network and save it as a package."""
    with quiet():
        more = {} if passes is None else {"pass_pipeline": passes}
        converted = ct.convert(
            made,
            convert_to="mlprogram",
            inputs=inputs,
            compute_precision=ct.precision(precision),
            minimum_deployment_target=TARGETS[ios],
            skip_model_load=True,
            **more,
        )
        converted.save(str(path))
    return path


def inferred(data, weights=""):
    """What coremltools infers anew of every value of a model file, by its name: its shape.

    It raises if the file declares something else.
    """
    spec = ct.proto.Model_pb2.Model()
    spec.ParseFromString(data)
    with quiet():
        loaded = milproto.load(spec, spec.specificationVersion, weights)
    found = {}
    for function in loaded.functions.values():
        _collect(function, found)
    return found


def _collect(block, found):
    for operation in block.operations:
        for inner in operation.blocks:
            _collect(inner, found)
        for variable in operation.outputs:
            sizes = () if "List" in type(variable).__name__ else getattr(variable, "shape", None)
            found[variable.name] = tuple(
                int(size) if isinstance(size, int) or str(size).isdigit() else None
                for size in sizes or ()
            )


def opens(package):
    """Whether coremltools opens a package; one without weights has an empty folder for them."""
    with open(os.path.join(str(package), "Manifest.json"), encoding="utf-8") as file:
        entries = json.load(file)["itemInfoEntries"].values()
    for entry in entries:
        if entry["path"].endswith("weights"):
            os.makedirs(os.path.join(str(package), "Data", entry["path"]), exist_ok=True)
    with quiet():
        return ct.models.MLModel(str(package), skip_model_load=True).get_spec()


@contextlib.contextmanager
def quiet():
    """coremltools says a lot."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def symbol():
    """A dimension that varies."""
    from coremltools.converters.mil.mil import get_new_symbol

    return get_new_symbol()


def inline(data):
    """The same file with every constant bound where it is read, as other writers do."""
    model = ct.proto.Model_pb2.Model()
    model.ParseFromString(data)
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    constants = {}
    kept = []
    for operation in block.operations:
        if operation.type == "const":
            constants[operation.outputs[0].name] = operation.attributes["val"]
            continue
        for argument in operation.inputs.values():
            for binding in argument.arguments:
                if binding.name in constants:
                    binding.value.CopyFrom(constants[binding.name])
        kept.append(type(operation).FromString(operation.SerializeToString()))
    del block.operations[:]
    block.operations.extend(kept)
    return model.SerializeToString()
