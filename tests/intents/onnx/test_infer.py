"""Shape inference in a process of its own: what it finds, and that nothing else depends on it."""

import os
import subprocess
import sys

import pytest
from onnx import helper

from coreml_resize_fix.intents.onnx import infer, reader
from coreml_resize_fix.intents.onnx.infer import inference
from tests.intents.onnx import build
from tests.support.kept_inference import START_ANOTHER
from tests.support.process import REPOSITORY

posix = pytest.mark.skipif(os.name != "posix", reason="a script of the shell stands for Python")


@pytest.fixture(autouse=True)
def a_process_for_each(monkeypatch):
    """These tests are about it; others share one."""
    monkeypatch.setattr(infer, "_start_child", START_ANOTHER)


def relu():
    """A resize behind a node whose output has no shape in the file."""
    resize = helper.make_node("Resize", ["r", "", "", "sizes"], ["y"], mode="linear")
    sizes = build.constant("sizes", [1, 3, 20, 24])
    return build.model([helper.make_node("Relu", ["x"], ["r"]), resize], constants=[sizes])


def strideless():
    """The same behind a pooling with a stride of 0, by which onnx up to 1.19 divides."""
    model = relu()
    pool = helper.make_node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2], strides=[0, 0])
    model.graph.node.insert(0, pool)
    model.graph.node[1].input[0] = "p"
    return model


def shapes(model):
    values = (*model.graph.value_info, *model.graph.output)
    sizes = {value.name: value.type.tensor_type.shape.dim for value in values}
    return {name: [dim.dim_value for dim in dims] for name, dims in sizes.items()}


def test_shapes_are_added():
    with inference() as infer:
        assert shapes(infer(relu()))["r"] == [1, 3, 10, 12]
        assert shapes(infer(build.resize(sizes=[1, 3, 20, 24])))["y"] == [1, 3, 20, 24]


def test_the_process_ends_with_the_context(monkeypatch):
    begun, popen = [], subprocess.Popen

    def start(*args, **options):
        begun.append(popen(*args, **options))
        return begun[0]

    def interrupted():
        with inference() as infer:
            infer(relu())
            assert begun[0].poll() is None
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(begun) == 1
    assert begun[0].poll() is not None


# What stands in Python's place, and does not answer.
OTHERS = {
    "cannot be started": None,
    "ends at once": "exit 0",
    "ends by a signal": "kill -8 $$",
    "ends within its answer": r"printf '\100\0\0\0\0\0\0\0half'",
    "answers with something else": r"printf '\2\0\0\0\0\0\0\0\377\377'; exec cat >/dev/null",
}


@posix
@pytest.mark.parametrize("name", sorted(OTHERS))
def test_without_an_answer_the_model_is_what_it_was(name, tmp_path, monkeypatch):
    other = tmp_path / "python"
    if OTHERS[name] is not None:
        other.write_text("#!/bin/sh\n" + OTHERS[name] + "\n", encoding="utf-8")
        other.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(other))
    model = relu()
    with inference() as infer:
        assert [infer(model) is model for _ in range(3)] == [True] * 3
    (intent,), notices = build.load(model, tmp_path)
    assert (intent.size, intent.input_size) == ((20, 24), None)
    assert "size is not known" in notices[0]


def test_what_cannot_be_inferred_does_not_end_it():
    broken = relu()
    broken.graph.node[0].input[0] = "nowhere"
    broken.graph.node[0].op_type = "Conv"
    with inference() as infer:
        infer(broken)
        assert shapes(infer(relu()))["r"] == [1, 3, 10, 12]


LOAD = """
import sys
from coreml_resize_fix.intents.onnx import reader
print(reader.load(sys.argv[1]).intents[0])
"""


def loaded(path, folder=REPOSITORY):
    """What another process reads: the file may end the one that reads it."""
    code = "import sys; sys.path[0] = {!r}".format(REPOSITORY) + LOAD
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, cwd=str(folder), check=False)


@pytest.mark.slow
def test_a_file_that_ends_the_inference_is_read(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(strideless().SerializeToString())
    ran = loaded(path)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.strip() == str(reader.load(str(path)).intents[0]).encode()


@pytest.mark.slow
def test_nothing_is_imported_from_the_folder_of_the_command(tmp_path):
    """A model may come in an archive with a module beside it."""
    for name in ("onnx", "numpy", "struct", "json", "google"):
        text = "open({!r}, 'w').close()".format(str(tmp_path / "was-run"))
        (tmp_path / (name + ".py")).write_text(text, encoding="utf-8")
    path = tmp_path / "model.onnx"
    path.write_bytes(relu().SerializeToString())
    ran = loaded(path, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert b"20" in ran.stdout
    assert not (tmp_path / "was-run").exists()
