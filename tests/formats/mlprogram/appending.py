"""Plans that add numbers to a weight file, whatever the replacements of today need."""

import os

import numpy as np

from coreml_resize_fix.formats.mlprogram import locate, weight_file
from coreml_resize_fix.formats.mlprogram.model import Programs
from coreml_resize_fix.formats.mlprogram.weight_file import Stored
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.splice import Edit
from coreml_resize_fix.formats.protobuf.wire import encode_field
from tests.formats.mlprogram import build

NUMBERS = np.random.default_rng(5).random(20_000, np.float32)
NAME = "added_by_a_plan"
WEIGHTS = os.path.join("Data", "com.apple.CoreML", "weights", "weight.bin")
MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
_REALLY = Programs.plan


def adds_numbers(monkeypatch=None):
    """Every plan that changes something also makes a constant of the weight file."""
    if monkeypatch is None:  # in a process that ends with it
        Programs.plan = _plan
    else:
        monkeypatch.setattr(Programs, "plan", _plan)


def _plan(self, *arguments):
    plan = _REALLY(self, *arguments)
    if not plan.edits:
        return plan
    main = self.program.functions[0]
    wanted = [(main, Stored("FLOAT32", NUMBERS.tobytes()))]
    storage = weight_file.store(self.program, self.beside, wanted)
    assert not isinstance(storage, str), storage
    first = main.block.operations[0].address
    place = locate.operations(self.source, locate.whole(self.source), self.program, [first])[first]
    at = place.field.tag_at
    constant = encode_field(locate.OPERATIONS, _constant(storage.places[0]))
    return plan._replace(
        edits=(Edit(at, at, constant, place.path), *plan.edits), appended=storage.appended
    )


def _constant(where):
    mil = schema.mil()
    operation = mil.Operation(type="const")
    output = operation.outputs.add(name=NAME)
    value = operation.attributes["val"]
    for kind in (output.type, value.type):
        kind.tensorType.dataType = mil.DataType.Value("FLOAT32")
        kind.tensorType.rank = 1
        kind.tensorType.dimensions.add().constant.size = NUMBERS.size
    value.blobFileValue.fileName, value.blobFileValue.offset = where
    name = operation.attributes["name"]
    name.type.tensorType.dataType = mil.DataType.Value("STRING")
    name.immediateValue.tensor.strings.values.append(NAME)
    return operation.SerializeToString()


def constants(package):
    """What coremltools' loader finds of the model in a package: every constant by its name."""
    model = build.ct.proto.Model_pb2.Model()
    with open(os.path.join(str(package), MODEL), "rb") as file:
        model.ParseFromString(file.read())
    folder = os.path.dirname(os.path.join(str(package), WEIGHTS))
    with build.quiet():
        loaded = build.milproto.load(model, model.specificationVersion, folder)
    return {
        operation.name: operation.outputs[0].val
        for function in loaded.functions.values()
        for operation in function.operations
        if operation.op_type == "const"
    }
