"""What fuzzing found: each input that once ended in another way than it must, and how it ends now.

`crashers/` has the inputs as the fuzzer kept them, named by entry.
"""

import os

import pytest

from coreml_resize_fix.intents import onnx_reader
from hardening import entries

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crashers")

# name -> the outcome of its entry, and what was wrong
EXPECTED = {
    "onnx-b9c9923f2085": "read",  # a brace in a mode, taken for a place in a sentence
    "onnx-d2631c5e659e": "no intent",  # Gather without indices
    "onnx-40c0f1340169": "read",  # an output of rank 1
    "command-ea3d03bfdb67": "exit code 1",  # a layer without a blob to write, and --decompose
    "command-oom-49f512249230": "exit code 1",  # a layer of half a million channels
    "command-90cc942d4284": "exit code 0",  # a layer that writes the blob that it reads
}


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_ends_as_it_must(name):
    entry, _, _ = name.partition("-")
    assert entries.ENTRIES[entry](read(name)) == EXPECTED[name]


def test_every_input_that_was_kept_is_here():
    assert sorted(os.listdir(FOLDER)) == sorted(EXPECTED)


def test_a_name_with_braces_is_told_as_it_is(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(read("onnx-b9c9923f2085").replace(b"\\x1b@U=", b"{nodes}"))
    (notice,) = onnx_reader.load(str(path)).notices
    assert notice.startswith("1 resize node (`/up2/Resize`) left out: its mode `")
    assert notice.endswith("` is not one of ONNX's")
