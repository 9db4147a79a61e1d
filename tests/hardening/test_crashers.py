"""What fuzzing found: each input that once ended in another way than it must, and how it ends now.

`crashers/` has the inputs as the fuzzer kept them, named by entry.
"""

import os

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.onnx import reader
from coreml_resize_fix.intents.source import Manifest
from hardening import entries, program_entries
from hardening.program_seeds import knows_programs
from tests.cli import commands
from tests.support import build

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crashers")

# name -> the outcome of its entry, and what is said. What was wrong stands behind it.
EXPECTED = {
    # A brace in a mode was taken for a place in a sentence.
    "onnx-b9c9923f2085": ("read", "is not one of ONNX's"),
    # Gather without indices.
    "onnx-d2631c5e659e": ("no intent", "of opset 9, which cannot say whether PyTorch used"),
    # An output of rank 1.
    "onnx-40c0f1340169": ("read", "of an input whose size is not known"),
    # A node that gives the shape of nothing; of the graph its part that does so.
    "tflite-6a02fe4dabb6": ("read", "its size or factor is beyond 1 to 65536"),
    "graph-f5dfaf01d9f0": ("read", "of an input whose size is not known"),
    # A layer without a blob to write, and `--decompose`.
    "command-ea3d03bfdb67": ("exit code 1", "RSZ"),
    # A layer of half a million channels.
    "command-oom-49f512249230": ("exit code 1", "RSZ"),
    # An inventory of maps with a side of 2^28 pixels, and of 2^34.
    "command-oom-0189b0455fc7": ("exit code 3", "is not the size of an image"),
    "command-5129b9834348": ("exit code 3", "is not the size of an image"),
    # A fractional factor of a layer that copies the nearest pixel.
    "command-eb841e055c01": ("exit code 2", "has parameters that Core ML does not accept"),
    # A layer that writes the blob that it reads.
    "command-90cc942d4284": ("exit code 0", "198 layers fixed; wrote "),
    # An operation that is not judged, with a list among its parameters.
    "package-453901245ee3": ("exit code 1", "shape=25×31"),
    # An image of a type that the schema does not name, where several operations would stand in.
    "package-2e33e3ab04c0": ("exit code 2", "bad CRC-32"),
    # A setting that comes close, whose map between the two axes is larger than both ends.
    "package-3d3686f29a83": ("exit code 1", "RSZ206"),
    # An input whose list of shapes has one of another rank.
    "package-e278806f1343": ("exit code 0", "2 layers fixed; wrote "),
    # A resize to a computed shape whose number of resized dimensions took all memory.
    "execute-7594c4002b9d": ("not run", "it resizes\n    4294901761 dimensions"),
    # An input that declares a shape of 204 axes.
    "execute-4dc6bb81a8a2": ("no example", "gives a size of 4×0×0"),
}
# of entries that read the file of a network as a manifest
SUFFIXES = {"onnx": ".onnx", "tflite": ".tflite", "graph": ".pb"}
IOS14 = {"command-eb841e055c01"}


def needs_programs(name):
    if name.startswith(("package", "execute")) and not knows_programs():
        pytest.skip("coremltools before 5 knows no ML Programs: pip install 'coremltools>=5'")


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


@pytest.mark.mostly_slow(quick=7)
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_ends_as_it_must(name):
    needs_programs(name)
    entry, _, _ = name.partition("-")
    assert entries.ENTRIES[entry](read(name)) == EXPECTED[name][0]


@pytest.mark.mostly_slow(quick=7)
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_says_what_it_must(name, tmp_path):
    needs_programs(name)
    text = EXPECTED[name][1]
    if name in IOS14 and not schema.knows_ios14():
        pytest.skip("coremltools 3 knows no layers of iOS 14: pip install 'coremltools>=4'")
    suffix = SUFFIXES.get(name.partition("-")[0])
    if suffix is not None:
        path = tmp_path / ("model" + suffix)
        path.write_bytes(read(name))
        assert text in " ".join(Manifest.load(str(path)).notices)
        return
    if name.startswith("package"):
        package = program_entries.unpacked(read(name))
        path = program_entries.write(str(tmp_path), package)
        options = program_entries.OPTIONS[package.options]
    elif name.startswith("execute"):
        path, options = build.write(tmp_path, program_entries.network_of(read(name)).model), ()
    else:
        job = entries.unpacked(read(name))
        (tmp_path / "intent.json").write_bytes(job.manifest)
        path, options = build.write(tmp_path, job.model), entries.OPTIONS[job.options]
    ran = commands.run(path, *(option.format(tmp_path) for option in options))
    refused = EXPECTED[name][0] == "exit code 2"
    assert text in (ran.err if refused else ran.out)
    assert (ran.out if refused else ran.err) == ""


def test_every_input_that_was_kept_is_here():
    assert sorted(os.listdir(FOLDER)) == sorted(EXPECTED)


def test_a_name_with_braces_is_told_as_it_is(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(read("onnx-b9c9923f2085").replace(b"\\x1b@U=", b"{nodes}"))
    (notice,) = reader.load(str(path)).notices
    assert notice.startswith("1 resize node (`/up2/Resize`) left out: its mode `")
    assert notice.endswith("` is not one of ONNX's")
