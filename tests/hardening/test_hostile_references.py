"""References come from strangers: recorded tensors, and ONNX files that ONNX Runtime runs."""

import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from tests.cli.commands import run
from tests.run.reference_cases import Files
from tests.support.folders import contents
from tests.support.process import REPOSITORY

posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and scripts of the shell")


@pytest.fixture
def files(tmp_path):
    return Files("unet", tmp_path)


def refused(files, path):
    """What is said of a reference that cannot be read; nothing is written."""
    before = contents(files.folder)
    ran = run(files.model, "-m", files.manifest, "--reference", path)
    assert (ran.code, ran.out) == (2, "")
    assert "defect" not in ran.err
    assert "Traceback" not in ran.err
    assert contents(files.folder) == before
    return ran.err.splitlines()[0]


class Runs:
    """A pickled one leaves a file behind when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def member(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def test_no_pickled_object_is_loaded(files, tmp_path):
    held = np.empty(1, object)
    held[0] = Runs(str(tmp_path / "was-run"))
    plain = archive(files.path("a.npz"), ("input_x.npy", member(held)))
    bare = archive(files.path("b.npz"), ("input_x.npy", pickle.dumps(held[0])))
    for path in (plain, bare):
        assert "cannot be read" in refused(files, path)
    assert not os.path.exists(held[0].path)


def test_a_name_that_is_there_twice(files):
    one = member(np.ones((1, 3, 4, 4), np.float32))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = archive(files.path("a.npz"), *[("input_x.npy", one)] * 3)
    assert "`input_x` is there more than once" in refused(files, path)
    path = archive(files.path("b.npz"), ("input_x.npy", one), ("input_x", one))
    assert "`input_x` is there more than once" in refused(files, path)


def test_a_header_without_an_end(files):
    text = b"(" * 200_000
    long = b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text
    path = archive(files.path("a.npz"), ("input_x.npy", long))
    assert "has a header of 200000 bytes" in refused(files, path)


@pytest.mark.parametrize("claimed", [8, 1 << 29, (1 << 32) - 2])
def test_a_size_that_lies(files, claimed):
    content = member(np.zeros((1, 3, 64, 64), np.float32))
    path = archive(files.path("a.npz"), ("input_x.npy", content))
    with open(path, "rb") as file:
        data = file.read()
    at = data.index(b"PK\1\2") + 24  # of the directory: the unpacked size
    with open(path, "wb") as file:
        file.write(data[:at] + struct.pack("<I", claimed) + data[at + 4 :])
    said = refused(files, path)
    assert ("at most" in said) == (claimed > 1 << 30)


def test_names_with_paths_are_only_names(files, tmp_path):
    names = ["input_../../outside.npy", "input_/etc/outside.npy", "output_..\\x.npy"]
    path = archive(files.path("a.npz"), *[(name, member(np.ones(3))) for name in names])
    refused(files, path)
    assert not [name for _, _, found in os.walk(tmp_path) for name in found if "outside" in name]


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"PK\5\6" + bytes(18), b"\x93NUMPY\1\0"])
def test_no_archive_or_an_empty_one(files, content):
    with open(files.path("a.npz"), "wb") as file:
        file.write(content)
    refused(files, files.path("a.npz"))


onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime")

from onnx import TensorProto, helper  # noqa: E402

FLOAT = TensorProto.FLOAT


def model(nodes, path, shape=(1, 3, 12, 16), **more):
    """Write a graph from `x` to `y`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        **more,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    with open(path, "wb") as file:
        file.write(made.SerializeToString())
    return path


def constant(name, values, kind=TensorProto.INT64):
    return helper.make_tensor(name, kind, [len(values)], values)


def endless(path):
    body = helper.make_graph(
        [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("b", FLOAT, None),
        ],
    )
    return model(
        [helper.make_node("Loop", ["rounds", "", "x"], ["y"], body=body)],
        path,
        initializer=[helper.make_tensor("rounds", TensorProto.INT64, [], [1 << 62])],
    )


def test_a_graph_that_asks_for_all_memory(files):
    sizes = constant("sizes", [1, 1 << 17, 1 << 16])
    path = model(
        [
            helper.make_node("ConstantOfShape", ["sizes"], ["z"]),
            helper.make_node("Add", ["x", "z"], ["y"]),
        ],
        files.path("net.onnx"),
        initializer=[sizes],
    )
    assert "ONNX Runtime does not run the reference" in refused(files, path)


def test_an_input_that_asks_for_all_memory(files):
    os.remove(files.tensors)  # no recorded input
    node = helper.make_node("Relu", ["x"], ["y"])
    path = model([node], files.path("net.onnx"), (1, 3, 1 << 40, 1 << 40))
    assert "is too large" in refused(files, path)


# What stands in the place of the process, and what is said then.
ENDS = {
    "kill -9 $$": "its process was ended by SIGKILL, as the system does where memory ends",
    "kill -11 $$": "its process was ended by SIGSEGV",
    "exit 3": "its process ended with exit code 3",
    "echo half an answer": "its process ended with exit code 0",
}


@posix
@pytest.mark.parametrize("script", [*ENDS, None])
def test_the_end_of_its_process_is_one_sentence(script, files, tmp_path, monkeypatch):
    other = tmp_path / "python"
    if script is not None:
        other.write_text("#!/bin/sh\ncat >/dev/null\n" + script + "\n", encoding="utf-8")
        other.chmod(0o755)
    path = model([helper.make_node("Relu", ["x"], ["y"])], files.path("net.onnx"))
    monkeypatch.setattr(sys, "executable", str(other))
    said = refused(files, path)
    assert said.endswith(ENDS.get(script, "its process does not start: no such file or directory"))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_graph_without_an_end_can_be_interrupted(number, files):
    command = [sys.executable, "-m", "coreml_resize_fix", files.model]
    ran = subprocess.Popen(
        [*command, "--reference", endless(files.path("net.onnx"))],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    child = wait_for(lambda: children(ran.pid))
    time.sleep(2)  # until it computes
    ran.send_signal(number)
    assert b"Traceback" not in ran.communicate(timeout=120)[1]
    assert ran.returncode == 128 + number
    wait_for(lambda: not os.path.exists("/proc/{}".format(child[0])))


def children(pid):
    """Processes that another one began; none without /proc."""
    if not os.path.exists("/proc/self/task"):
        pytest.skip("needs /proc")
    with open("/proc/{0}/task/{0}/children".format(pid), encoding="ascii") as file:
        return [int(one) for one in file.read().split()]


def wait_for(found):
    begun = time.time()
    while not found():
        assert time.time() - begun < 120
        time.sleep(0.05)
    return found()


def outside(name="w", **about):
    """A tensor whose numbers lie in another file."""
    tensor = TensorProto(name=name, data_type=FLOAT, dims=[3])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "/etc/hostname", **about}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def sparse(tensor):
    made = onnx.SparseTensorProto(dims=[9], indices=constant("i", [0, 1, 2]))
    made.values.CopyFrom(tensor)
    return made


RELU = helper.make_node("Relu", ["x"], ["y"])
ADD = helper.make_node("Add", ["x", "w"], ["y"])
OUTSIDE = {
    "an initializer": lambda path, one: model([ADD], path, initializer=[one]),
    "a sparse one": lambda path, one: model([ADD], path, sparse_initializer=[sparse(one)]),
    "a constant": lambda path, one: model(
        [helper.make_node("Constant", [], ["w"], value=one), ADD], path
    ),
    "a sparse constant": lambda path, one: model(
        [helper.make_node("Constant", [], ["w"], sparse_value=sparse(one)), ADD], path
    ),
    "tensors of an attribute": lambda path, one: model(
        [helper.make_node("Relu", ["x"], ["y"], more=[one])], path
    ),
}


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_weights_elsewhere_are_not_read_wherever_they_are_named(name, files):
    path = OUTSIDE[name](files.path("net.onnx"), outside())
    assert "reads weights from `/etc/hostname`, which is not beside it" in refused(files, path)


@pytest.mark.parametrize("about", [{"offset": "1" * 40}, {"offset": "-1"}, {"length": "12"}])
def test_weights_at_places_that_are_not_there(about, files):
    with open(files.path("w.bin"), "wb") as file:
        file.write(bytes(8))
    one = outside(location="w.bin", **about)
    path = model([ADD], files.path("net.onnx"), initializer=[one])
    assert "cannot be read as it says" in refused(files, path)


def test_a_way_round_to_a_file_beside_it_is_none(files):
    os.mkdir(files.path("sub"))
    with open(files.path("w.bin"), "wb") as file:
        file.write(bytes(12))
    one = outside(location="sub/../w.bin")
    path = model([ADD], files.path("net.onnx"), initializer=[one])
    assert "which is not beside it" in refused(files, path)
