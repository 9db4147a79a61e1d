"""A small file never takes much memory, whatever it says of sizes, numbers and depths."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.formats.protobuf import wire
from coreml_resize_fix.intents import tensors
from tests.cli.commands import manifest
from tests.support import build
from tests.support.process import REPOSITORY

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="the peak memory of a process is told by getrusage of POSIX"
)

MOST = 1 << 30  # bytes that no file of a kilobyte may take
CORNERS = ("--assume", "bilinear,align_corners=true")
CENTRES = ("--assume", "bilinear,align_corners=false")


def upsample(factor, shape=(2, 6, 8), count=1):
    text = "upsample {{ scalingFactor: {0} scalingFactor: {0} mode: BILINEAR }}".format(factor)
    return build.network(shape, [text] * count, version=3)


def to_size(height, width, shape=(2, 6, 8)):
    text = "resizeBilinear {{ targetSize: {} targetSize: {} }}".format(height, width)
    return build.network(shape, [text], version=3)


def ranged(factor, *ranges):
    model = upsample(factor, (1, 100, 100))
    taken = model.description.input[0].type.multiArrayType
    for low, high in ranges:
        taken.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
    return model


def listed(count):
    model = upsample(2, (1, 100, 1))
    taken = model.description.input[0].type.multiArrayType
    for index in range(count):
        taken.enumeratedShapes.shapes.add(shape=[1, 50000 + index, 1])
    return model


# name -> model, what is asked for
SMALL = {
    "a factor of 2^63": (upsample(2**63), CORNERS),
    "a factor of 8192": (upsample(8192, (1, 8, 8)), CORNERS),
    "a map of 2^80 pixels": (upsample(2, (1, 2**40, 2**40)), CENTRES),
    "a map of 2^34 pixels": (upsample(2, (1, 2**16, 2**16)), CENTRES),
    "a map of 8K video": (upsample(2, (1, 2160, 3840)), CENTRES),
    "a side of 2^30 pixels": (to_size(8, 8, (1, 2**30, 8)), ("--assume", "area")),
    "a size for a factor of 2^18": (upsample(2**18), ("--assume", "bilinear,size=8x8")),
    "a column of 2^17 pixels": (to_size(2**17, 1), CORNERS),
    "a column stretched to 2^17 pixels": (to_size(2**17, 1, (2, 8, 1)), ("--assume", "bicubic")),
    "a column of 2^17 pixels shrunk": (
        to_size(8, 1, (1, 2**17, 1)),
        ("--assume", "bicubic,antialias=true"),
    ),
    "2^30 channels": (upsample(2, (2**30, 4, 4)), CENTRES),
    "2^17 channels of any size": (
        ranged(2, (2**17, 2**17), (1, 2**40), (1, 2**40)),
        ("--assume", "bilinear,scale_factor=2"),
    ),
    "sizes without end": (ranged(64, (1, 1), (1, 2**62), (1, -1)), CENTRES),
    "twenty sizes": (listed(20), CENTRES),
    "a chain to 2^40": (upsample(16, count=10), CORNERS),
    "a large matrix": (to_size(4096, 4096, (1, 4000, 4000)), ("--assume", "bicubic")),
    "a larger matrix": (
        to_size(9000, 3, (1, 9000, 3)),
        ("--assume", "area,size=8999x3"),
    ),
}


# The peak of a process is known to the one that waits for it, and only for all of its children.
MEASURE = """
import json, resource, subprocess, sys
ran = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
unit = 1 if sys.platform == "darwin" else 1024
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
print(json.dumps([ran.returncode, used, ran.stdout.decode("utf-8", "replace")]))
"""


def measured(*command):
    """Exit code and peak memory, in bytes, of a Python process, and what it said."""
    environment = dict(os.environ, PYTHONPATH=REPOSITORY, OPENBLAS_NUM_THREADS="1")
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, sys.executable, *map(str, command)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(ran.stdout.decode("utf-8"))


def peak(*arguments):
    """Exit code and peak memory of the command, which must not end with a defect."""
    code, used, said = measured("-m", "coreml_resize_fix", *arguments)
    assert "a defect of this tool" not in said, said
    return code, used


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_small_model_never_takes_a_gigabyte(name, tmp_path):
    model, ask = SMALL[name]
    path = build.write(tmp_path, model)
    assert os.path.getsize(path) < 2048
    code, used = peak(path, *ask, "--decompose", "--partial")
    assert code in (0, 1, 2)
    assert used < MOST


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_neither_does_its_inventory_or_its_page(name, tmp_path):
    model, ask = SMALL[name]
    path = build.write(tmp_path, model)
    page = "--report", tmp_path / "report.html"
    code, used = peak(path, *page)
    assert code == (2 if name == "a factor of 2^63" else 3)
    assert used < MOST
    # Without a run of the network, which may take what its numbers take.
    code, used = peak(path, *ask, "--dry-run", "--no-verify", *page)
    assert code in (0, 1, 2)
    assert used < MOST


@pytest.mark.slow
def test_the_measurement_sees_a_gigabyte():
    """What it says of a process that takes too much, or the tests above could not fail."""
    _, used, _ = measured("-c", "len(b'x' * (1 << 30))")
    assert used > MOST


DEEP = {
    "lists": "[" * 100000,
    "objects": '{"a":' * 100000,
    "digits": "1" * 100000,
    "cut off": "[" + "1," * 99,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DEEP))
def test_a_manifest_that_only_looks_deep_or_long(name, tmp_path):
    path = tmp_path / "intent.json"
    path.write_text(DEEP[name], encoding="utf-8")
    code, used = peak(build.write(tmp_path, upsample(2)), "-m", path)
    assert code == 2
    assert used < MOST // 4


@pytest.mark.slow
def test_a_manifest_without_an_end(tmp_path):
    code, used = peak(build.write(tmp_path, upsample(2)), "-m", "/dev/zero")
    assert code == 2
    assert used < MOST // 4


def sparse(path, size):
    """A file of that size that takes no room on the disk."""
    with open(str(path), "wb") as file:
        file.truncate(size)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["intent.json", "intent.onnx"])
def test_manifests_that_are_too_long_to_be_one(name, tmp_path):
    path = sparse(tmp_path / name, 1 << 31)
    code, used = peak(build.write(tmp_path, upsample(2)), "-m", path)
    assert code == 2
    assert used < MOST // 4


@pytest.mark.slow
def test_a_package_whose_manifest_is_too_long(tmp_path):
    package = build.write_package(tmp_path, upsample(2))
    sparse(os.path.join(package, "Manifest.json"), 1 << 31)
    code, used = peak(package, *CORNERS)
    assert code == 2
    assert used < MOST // 4


@pytest.mark.slow
def test_a_layer_of_a_later_kind_is_not_kept_in_memory(tmp_path):
    """Its weights are a field that this schema does not know."""
    used = []
    for size in (1, 1 << 26):
        model = upsample(2)
        layer = model.neuralNetwork.layers.add(name="later", input=["scores"], output=["more"])
        layer.MergeFromString(
            wire.encode_varint(1990 << 3 | 2) + wire.encode_varint(size) + bytes(size)
        )
        code, peak_of_size = peak(build.write(tmp_path, model), *CORNERS, "--dry-run")
        assert code == 1  # one layer to fix
        used.append(peak_of_size)
    assert used[1] - used[0] < 1 << 24


@pytest.mark.slow
def test_a_manifest_of_large_sizes(tmp_path):
    sizes = {"size": [65536, 65536], "input_size": [65536, 65536], "align_corners": True}
    path = manifest({"scores_0": sizes}, tmp_path)
    code, used = peak(build.write(tmp_path, to_size(65536, 65536)), "-m", path, "--decompose")
    assert code in (1, 2)
    assert used < MOST


def test_tensors_that_claim_to_be_huge(tmp_path):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1048576, 1048576), }"
    text = header.ljust(117) + "\n"
    magic = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little")
    path = tmp_path / "intent.npz"
    with zipfile.ZipFile(str(path), "w") as archive:
        for name in ("interp0_in.npy", "interp0_out.npy"):
            archive.writestr(name, magic + text.encode() + bytes(100))
    with np.load(str(path)) as arrays:
        assert arrays.files == ["interp0_in", "interp0_out"]
    intents = manifest({"scores_0": {"align_corners": True, "size": [12, 16]}}, tmp_path)
    code, used = peak(build.write(tmp_path, upsample(2)), "-m", intents)
    assert code == 2
    assert used < MOST // 4
    with open(intents, encoding="utf-8") as file:
        assert json.load(file)


def test_tensors_that_are_packed_small(tmp_path, monkeypatch):
    """A thousand zeros take a byte in an archive: what is unpacked is bounded, too."""
    zeros = np.zeros((1, 1, 512, 512))
    pair = {0: tensors.Recorded(zeros, zeros)}
    path = str(tmp_path / "intent.json")
    tensors.save(path, pair)
    assert os.path.getsize(tensors.beside(path)) * 500 < 2 * zeros.nbytes
    monkeypatch.setattr(tensors, "LARGEST", 2 * zeros.nbytes + 256)  # with their headers
    assert sorted(tensors.load(path, 1)) == [0]
    monkeypatch.setattr(tensors, "LARGEST", 2 * zeros.nbytes)
    with pytest.raises(ManifestError, match="they are 4194560 bytes, and at most 4194304"):
        tensors.load(path, 1)
