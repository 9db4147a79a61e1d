"""docs/security.md says what the code does: its limits, its tests, its commands."""

import os
import re
import subprocess
import sys

import pytest

from coreml_resize_fix import sampling
from coreml_resize_fix.files import tree
from coreml_resize_fix.formats import execution, input_sizes, package
from coreml_resize_fix.formats.inference import usable
from coreml_resize_fix.formats.mlprogram import model as program_model
from coreml_resize_fix.formats.neuralnetwork import resizes
from coreml_resize_fix.formats.protobuf import skeleton, splice
from coreml_resize_fix.intents import fields, manifest, network_file, tensors
from coreml_resize_fix.intents.frozen_graph import reader as graph_reader
from coreml_resize_fix.intents.keras import config as keras_config
from coreml_resize_fix.intents.keras import hdf5 as keras_hdf5
from coreml_resize_fix.intents.keras import reader as keras_reader
from coreml_resize_fix.intents.onnx import file as onnx_file
from coreml_resize_fix.intents.onnx import runtime
from coreml_resize_fix.intents.tensorflow import sizes as tensorflow_sizes
from coreml_resize_fix.intents.tflite import file as tflite_file
from coreml_resize_fix.intents.tflite import flatbuffer
from coreml_resize_fix.replacements import table
from coreml_resize_fix.verify import compare, probes
from coreml_resize_fix.verify.kernels import checks
from tests.support.cases import TESTS
from tests.support.process import REPOSITORY

with open(os.path.join(REPOSITORY, "docs", "security.md"), encoding="utf-8") as file:
    DOC = file.read()

# what the row of the limits says -> the constant that holds it
LIMITS = {
    "nested messages of a model": skeleton.DEEPEST,
    "nested folders, of a package or with models in them": tree.DEEPEST,
    "bytes of a JSON manifest": manifest.LONGEST,
    "bytes of the Manifest.json of a package": package.LONGEST_MANIFEST,
    "bytes of an ONNX or TFLite file or a frozen graph": network_file.LONGEST,
    "parts of a TFLite file that are read (entries of lists, tables, 64 bytes of text)": (
        flatbuffer.MOST_PARTS
    ),
    "nodes of a TFLite file, each time that they run": tflite_file.MOST_NODES,
    "nodes of functions of a frozen graph, their inputs and attributes, each time that they run": (
        graph_reader.MOST_CALLED
    ),
    "bytes of the configuration of a Keras model, unpacked": keras_reader.LONGEST,
    "models of Keras inside of models": keras_config._DEEPEST,
    "resizes of a Keras model, each time that they run": keras_config.MOST,
    "bytes of memory of the library that reads HDF5": keras_hdf5.MOST_MEMORY,
    "seconds of processor time of the library that reads HDF5": keras_hdf5.MOST_SECONDS,
    "bytes of recorded tensors, unpacked": tensors.LARGEST,
    "bytes of a result": splice.LARGEST,
    "side of an image in a manifest or the file of a network": fields.LARGEST_SIDE,
    "factor or target size of a layer": resizes._LARGEST_SIDE,
    "side of an image that is compared": sampling.LARGEST_SIDE,
    "largest size of a flexible input that is compared": input_sizes.LARGE_ENOUGH,
    "largest size of a flexible input of which factors are looked at": input_sizes.LARGEST,
    "layers walked to try the sizes of a flexible input": usable.WALKED,
    "weights of a gathered resize in a weight file": program_model.MOST_STORED,
    "sizes in a list of those that run": usable.LONGEST_LIST,
    "pixels of a map that is compared in values": compare._MOST_PIXELS,
    "numbers of a seeded test input": probes.LARGEST_EXAMPLE,
    "pixels up to which all probes are compared, and shown in a page": probes.LARGEST_MAP,
    "weights of several layers in the place of one": table._MOST_WEIGHTS,
    "numbers in one blob of a network that is executed": checks.LARGEST,
    "numbers in all its blobs at once": execution._MOST_ALIVE,
    "rounds of all loops that are executed": execution.MOST_ROUNDS,
    "multiplications of one run of a network, or what takes as long": checks.MOST_EFFORT,
    "bytes of memory of ONNX Runtime": runtime.MOST_MEMORY,
    "seconds of processor time of ONNX Runtime": runtime.MOST_SECONDS,
    "bytes of what says the shape of a recorded array": tensors._LONGEST_HEADER,
    "numbers of a tensor that an ONNX graph computes with": onnx_file.MOST_ELEMENTS,
    "numbers of a tensor that sizes of TensorFlow are computed with": (
        tensorflow_sizes.MOST_ELEMENTS
    ),
}
SECTION = DOC.split("\n## Limits\n")[1].split("\n## ")[0]
ROWS = dict(re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", SECTION, re.M))


def test_every_limit_has_its_row():
    assert {what: int(number.replace(",", "")) for what, number in ROWS.items()} == LIMITS


def test_every_test_that_is_named_exists():
    names = set(re.findall(r"`(test_\w+\.py)`", DOC))
    there = {name for _, _, files in os.walk(TESTS) for name in files}
    assert len(names) > 9
    assert names <= there
    folders = re.findall(r"`tests/(\w+)/`", DOC)
    assert folders
    assert all(os.path.isdir(os.path.join(TESTS, folder)) for folder in folders)


def test_every_place_of_the_figures_is_filled():
    assert not re.search(r"\b(FUZZ|DIFF|FAULTS|MUTANTS)\b", DOC)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("command", re.findall(r"^python -m (hardening\.\w+)", DOC, re.M))
def test_every_command_starts(command):
    ran = subprocess.run(
        [sys.executable, "-m", command, "--help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("usage: ")
