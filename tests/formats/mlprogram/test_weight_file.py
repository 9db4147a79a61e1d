"""Numbers added to a weight file, as coremltools' writer adds them and its reader reads them."""

import os
import random
import shutil
import struct

import numpy as np
import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram import folded, reader, storing, weight_file
from coreml_resize_fix.formats.mlprogram.program import FileReference, TensorType, Value
from coreml_resize_fix.formats.mlprogram.weight_file import Stored
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.wire import Source
from tests.formats.mlprogram import build, files

with build.quiet():
    from coremltools import libmilstoragepython as milblob

# the schema's name of a type -> what it is in NumPy, and in the names of coremltools' functions
TYPES = {
    "FLOAT16": (np.uint16, "fp16"),
    "FLOAT32": (np.float32, "float"),
    "UINT8": (np.uint8, "uint8"),
    "INT8": (np.int8, "int8"),
    "INT16": (np.int16, "int16"),
    "UINT16": (np.uint16, "uint16"),
    "INT32": (np.int32, "int32"),
    "UINT32": (np.uint32, "uint32"),
}
NAME = "@model_path/weights/weight.bin"


def written(path, arrays, new=True):
    """The offsets at which coremltools' writer puts typed arrays."""
    writer = milblob._BlobStorageWriter(str(path), new)
    return [getattr(writer, f"write_{TYPES[kind][1]}_data")(data) for kind, data in arrays]


def read_back(path, kind, offset):
    """What coremltools' reader finds there."""
    reading = milblob._BlobStorageReader(str(path))
    return getattr(reading, f"read_{TYPES[kind][1]}_data")(offset)


def drawn(rng, most=6):
    kinds = [rng.choice(sorted(TYPES)) for _ in range(rng.randint(1, most))]
    numbers = np.random.default_rng(rng.getrandbits(32))
    return [
        (kind, numbers.integers(0, 100, rng.randint(1, 200)).astype(TYPES[kind][0]))
        for kind in kinds
    ]


def stored(arrays):
    return [Stored(kind, data.tobytes()) for kind, data in arrays]


def carried_out(appended, path):
    """The file with what it gains, written piece by piece."""
    size = os.path.getsize(str(path)) if appended.stamp else 0
    copy = str(path) + ".new"
    with open(str(path) if size else os.devnull, "rb") as source, open(copy, "wb") as target:
        splice.write(source, size, target, appended.changes)
    os.replace(copy, str(path))


def folder_with(tmp_path):
    (tmp_path / "weights").mkdir()
    return ModelFolder(str(tmp_path)), tmp_path / "weights" / "weight.bin"


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(60))
def test_it_becomes_what_coremltools_would_make_of_it(seed, tmp_path):
    """A new file for every third seed, one of random constants for the others."""
    rng = random.Random(seed)
    beside, path = folder_with(tmp_path)
    expected = tmp_path / "expected.bin"
    there, added = ([] if seed % 3 == 0 else drawn(rng)), drawn(rng)
    offsets = []
    if seed % 3:
        offsets = written(path, there)
        shutil.copy(str(path), str(expected))
    right = written(expected, added, new=seed % 3 == 0)
    found = weight_file.look(NAME, beside, [FileReference(NAME, offset) for offset in offsets])
    placed, appended = weight_file.append(found, stored(added))
    carried_out(appended, path)
    assert list(placed) == right
    assert path.read_bytes() == expected.read_bytes()
    for (kind, data), offset in zip(there + added, offsets + right):
        assert np.array_equal(read_back(path, kind, offset), data)
        assert weight_file.read(str(path), offset) == Stored(kind, data.tobytes())


@pytest.mark.parametrize("junk", [1, 63, 64, 65])
def test_bytes_behind_the_last_constant_stay(junk, tmp_path):
    beside, path = folder_with(tmp_path)
    data = np.arange(5, dtype=np.float32)
    written(path, [("FLOAT32", data)])
    old = path.read_bytes() + b"x" * junk
    path.write_bytes(old)
    found = weight_file.look(NAME, beside)
    (offset,), appended = weight_file.append(found, stored([("FLOAT32", data)]))
    carried_out(appended, path)
    new = path.read_bytes()
    assert new[4 : len(old)] == old[4:]
    assert (old[:4], new[:4]) == (b"\1\0\0\0", b"\2\0\0\0")
    assert np.array_equal(read_back(path, "FLOAT32", offset), data)


def header(version=2, count=1):
    return struct.pack("<II56x", count, version)


BROKEN = {
    "ends inside of its header": (b"", [64]),
    "ends inside of its header ": (header()[:63], [64]),
    "is of version 1, and 2 is known": (header(1) + bytes(200), [64]),
    "is of version 3, and 2 is known": (header(3) + bytes(200), [64]),
    "ends before byte 64, where the model has a constant": (header(), [64]),
    "has no constant at byte 64, where the model has one": (header() + bytes(200), [64]),
    "ends inside of the constant at byte 64": (None, [64]),
    "ends before byte 18446744073709551615,": (header() + bytes(64), [2**64 - 1]),
}


@pytest.mark.parametrize("says", list(BROKEN))
def test_one_that_is_broken_is_refused(says, tmp_path):
    beside, path = folder_with(tmp_path)
    data, offsets = BROKEN[says]
    if data is None:
        written(path, [("FLOAT32", np.arange(5, dtype=np.float32))])
        data = path.read_bytes()[:-1]
    path.write_bytes(data)
    found = weight_file.look(NAME, beside, [FileReference(NAME, offset) for offset in offsets])
    assert isinstance(found, str)
    assert f"its weight file `weights/weight.bin` {says.strip()}" in found
    assert (
        weight_file.read(str(path), offsets[0]).startswith("the weight file ") or "version" in says
    )


def test_one_that_is_missing_or_elsewhere_is_refused(tmp_path):
    beside, path = folder_with(tmp_path)
    reference = [FileReference(NAME, 64)]
    assert (
        weight_file.look(NAME, beside, reference)
        == "its weight file `weights/weight.bin` is missing"
    )
    path.mkdir()
    assert "cannot be read: is a directory" in weight_file.look(NAME, beside, reference)
    for name in (
        "/etc/passwd",
        "@model_path/../weight.bin",
        "@model_path/a/../../b",
        "a\\..\\..\\b",
    ):
        assert "outside of the folder" in weight_file.look(name, beside, reference)


def test_which_types_a_file_holds():
    """As `should_use_weight_file` of coremltools."""
    from coremltools.converters.mil.backend.mil.load import should_use_weight_file

    kinds = {"FLOAT16": np.float16}
    for name, (kind, _) in TYPES.items():
        numbers = np.zeros(10, kinds.get(name, kind))
        for version in (6, 7, 8, 9):
            right = should_use_weight_file(numbers, version)
            assert weight_file.may_hold(name, version) == right
    assert not weight_file.may_hold("BOOL", 9)


def test_constants_of_a_shape_are_found_in_it(tmp_path):
    """Leading ones do not count."""
    numbers = np.random.RandomState(0).uniform(-1, 1, (2, 16, 24)).astype(np.float32)
    path = tmp_path / "made.mlpackage"
    build.save(build.program(lambda x: build.mb.add(x=x, y=numbers), (1, 2, 16, 24)), path)
    model = path / "Data" / "com.apple.CoreML" / "model.mlmodel"
    program, folder = reader.read(Source(model.read_bytes())), ModelFolder(str(model.parent))
    found = list(folded.of_shape(program, folder, (1, 1, 2, 16, 24)))
    assert found == [("f", numbers.astype("<f4").tobytes())]
    assert list(folded.of_shape(program, folder, (2, 24, 16))) == []


def programs(tmp_path, names):
    """A program of two functions that read from these files, empty for none."""
    program = reader.read(Source(files.model("head_ml17_bicubic")))
    (main,) = program.functions
    (tmp_path / "weights").mkdir()
    for name in filter(None, names):
        written(tmp_path / weight_file.relative(name), [("FLOAT32", np.ones(12, np.float32))])
    functions = [_reading(main, name)._replace(name=str(index)) for index, name in enumerate(names)]
    return program._replace(functions=tuple(functions))


def _reading(function, name):
    def moved(value):
        if value.file is None:
            return value
        return value._replace(file=FileReference(name, 64) if name else None)

    block = function.block
    operations = [
        one._replace(attributes={key: moved(value) for key, value in one.attributes.items()})
        for one in block.operations
    ]
    return function._replace(block=block._replace(operations=tuple(operations)))


DRAWN = [Stored("FLOAT32", bytes(range(40))), Stored("FLOAT16", b"12"), Stored("FLOAT32", b"1234")]


@pytest.mark.parametrize(
    ("names", "goes_to"),
    [
        ((NAME, NAME), (NAME, NAME)),
        ((None, None), (NAME, NAME)),
        ((None, "weights/own.bin"), ("weights/own.bin", "weights/own.bin")),
        (("weights/one.bin", "weights/two.bin"), ("weights/one.bin", "weights/two.bin")),
    ],
)
def test_numbers_go_where_the_others_of_a_function_are(names, goes_to, tmp_path):
    program = programs(tmp_path, names)
    one, two = program.functions
    wanted = [(one, DRAWN[0]), (two, DRAWN[1]), (one, DRAWN[0]), (two, DRAWN[2])]
    found = weight_file.store(program, ModelFolder(str(tmp_path)), wanted)
    for appended in found.appended:
        carried_out(appended, tmp_path / appended.name)
    assert [place.file_name for place in found.places] == [goes_to[0], goes_to[1]] * 2
    assert found.places[0] == found.places[2], "equal numbers are kept once"
    for place, (_, numbers) in zip(found.places, wanted):
        path = tmp_path / weight_file.relative(place.file_name)
        assert read_back(path, numbers.data_type, place.offset).tobytes() == numbers.data
    count = sum(
        struct.unpack("<I", (tmp_path / name).read_bytes()[:4])[0]
        for name in {weight_file.relative(name) for name in goes_to}
    )
    assert count == len({name for name in names if name}) + 3


def test_without_a_folder_there_is_no_room(tmp_path):
    program = programs(tmp_path, (NAME, NAME))
    wanted = [(program.functions[0], DRAWN[0])]
    assert "in memory alone" in weight_file.store(program, None, wanted)
    (tmp_path / "weights" / "weight.bin").unlink()
    assert "is missing" in weight_file.store(program, ModelFolder(str(tmp_path)), wanted)


@pytest.mark.parametrize("name", [NAME, "@model_path/weights/../../weight.bin", "ABSOLUTE"])
def test_only_numbers_inside_of_the_package_are_read(name, tmp_path):
    folder = tmp_path / "package"
    (folder / "weights").mkdir(parents=True)
    numbers = np.arange(16, dtype=np.float32)
    inside, outside = folder / "weights" / "weight.bin", tmp_path / "weight.bin"
    (offset,) = written(inside, [("FLOAT32", numbers)])
    shutil.copy(str(inside), str(outside))
    place = FileReference(str(outside) if name == "ABSOLUTE" else name, offset)
    value = Value(TensorType("FLOAT32", (16,)), file=place)
    beside = ModelFolder(str(folder))
    found = storing.reader(beside)(value)
    assert found == (numbers.tobytes() if name == NAME else None)
    elements = weight_file.numbers(beside, value, 16)
    assert elements == (tuple(numbers.tolist()) if name == NAME else None)


@pytest.mark.parametrize("name", ["@model_path/../weight.bin", "ABSOLUTE"])
def test_a_file_outside_of_the_folder_is_not_opened(name, tmp_path):
    (program, outside) = programs(tmp_path, (NAME, NAME)), tmp_path / "weight.bin"
    outside.write_bytes(b"version https://git-lfs")
    place = str(outside) if name == "ABSOLUTE" else name
    moved = [_reading(function, place) for function in program.functions]
    program = program._replace(functions=tuple(moved))
    assert storing.fault(program, ModelFolder(str(tmp_path / "weights"))) is None
    outside.unlink()
    assert storing.fault(program, ModelFolder(str(tmp_path / "weights")))[1] == "is not there"
