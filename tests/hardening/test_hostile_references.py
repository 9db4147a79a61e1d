"""ONNX files come from strangers: ONNX Runtime, native code, runs in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime")

from onnx import TensorProto, helper  # noqa: E402

from tests.hardening.test_hostile_tensors import refused  # noqa: E402
from tests.run.reference_cases import Files  # noqa: E402
from tests.support.process import REPOSITORY  # noqa: E402

posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and scripts of the shell")


@pytest.fixture
def files(tmp_path):
    return Files("unet", tmp_path)


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


@pytest.mark.parametrize("shape", [(1, 3, 1 << 40, 1 << 40), (1,) * 70])
def test_an_input_that_asks_for_all_memory(shape, files):
    os.remove(files.tensors)  # no recorded input
    node = helper.make_node("Relu", ["x"], ["y"])
    path = model([node], files.path("net.onnx"), shape)
    assert re.search("that a test image may have|has 70 axes", refused(files, path))


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


@pytest.mark.slow
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
