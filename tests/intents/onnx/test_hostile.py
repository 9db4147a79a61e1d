"""Files that are broken, or something else, or made to do harm: one clear error, or no intent."""

import contextlib
import random

import pytest
from onnx import TensorProto, helper

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents.onnx import reader
from tests.intents.onnx import build
from tests.support.cases import CORPUS, named, read_bytes

LEGACY = read_bytes(named("t19_ct50_depth").folder + "/model.onnx")
NEWER = read_bytes(named("t17_ct52_o11_sf2_acT").folder + "/model.onnx")


def no_opset():
    model = build.resize(sizes=[1, 3, 20, 24])
    del model.opset_import[:]
    return model.SerializeToString()


def no_nodes():
    model = build.resize(sizes=[1, 3, 20, 24])
    del model.graph.node[:]
    return model.SerializeToString()


def bad_text():
    model = build.resize(sizes=[1, 3, 20, 24], name="MARKER")
    return model.SerializeToString().replace(b"MARKER", b"\xff\xfe\xff\xfe\xff\xfe")


REFUSED = {
    "empty": (b"", "it is empty"),
    "checkpoint": (b"PK\x03\x04" + b"\0" * 99, "zip archive"),
    "keras": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    "json": (b'{"resizes": []}', "JSON"),
    "web page": (b"<html></html>", "HTML"),
    "core ml": (read_bytes(CORPUS[0].path), ""),
    "text": (b"what is this?", "cut off, damaged"),
    "half": (NEWER[: len(NEWER) // 2], "cut off, damaged"),
    "no opset": (no_opset(), "no version of the ONNX operators"),
    "no nodes": (no_nodes(), "no graph of nodes"),
    "text that is not UTF-8": (bad_text(), ""),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_refused(what, tmp_path):
    data, reason = REFUSED[what]
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(ManifestError) as caught:
        reader.load(str(path))
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "torch.onnx.export" in caught.value.hint


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ManifestError, match="no such file") as caught:
        reader.load(str(tmp_path / "missing.onnx"))
    assert caught.value.hint
    with pytest.raises(ManifestError, match="it is a folder"):
        reader.load(str(tmp_path))


def survives(data, path):
    path.write_bytes(data)
    with contextlib.suppress(ManifestError):
        reader.load(str(path))


@pytest.mark.parametrize("source", [LEGACY, NEWER], ids=["upsample", "resize"])
def test_cut_off_anywhere(source, tmp_path):
    for length in range(0, len(source), 97):
        path = tmp_path / "model.onnx"
        path.write_bytes(source[:length])
        with pytest.raises(ManifestError):
            reader.load(str(path))


@pytest.mark.slow
@pytest.mark.parametrize("source", [LEGACY, NEWER], ids=["upsample", "resize"])
@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes(source, seed, tmp_path):
    generator = random.Random(seed)
    for _ in range(60):
        data = bytearray(source)
        for _ in range(generator.choice([1, 3, 20])):
            data[generator.randrange(len(data))] = generator.randrange(256)
        survives(bytes(data), tmp_path / "model.onnx")


@pytest.mark.parametrize("length", [1, 10, 1000])
def test_random_bytes(length, tmp_path):
    generator = random.Random(length)
    for _ in range(50):
        data = bytes(generator.randrange(256) for _ in range(length))
        survives(data, tmp_path / "model.onnx")


node = helper.make_node
GRAPHS = {
    "cycle": [
        node("Concat", ["b", "b"], ["a"], axis=0),
        node("Concat", ["a", "a"], ["b"], axis=0),
        node("Resize", ["x", "", "", "a"], ["y"], mode="linear"),
    ],
    "itself": [node("Resize", ["y", "", "", "y"], ["y"], mode="linear")],
    "unknown inputs": [node("Resize", ["?", "!", "§", "no"], ["y"], mode="linear")],
    "no inputs": [node("Resize", [], ["y"]), node("Upsample", [], [])],
    "no outputs": [node("Resize", ["x", "", "", "s"], []), node("Resize", ["x"], ["y"])],
    "other types": [
        node("Resize", ["x", "", "", "s"], ["y"], mode=3, axes=1.5, antialias="yes"),
    ],
    "growing": [node("Constant", [], ["c0"], value_ints=[1])]
    + [node("Concat", ["c{}".format(k)] * 2, ["c{}".format(k + 1)], axis=0) for k in range(60)]
    + [node("Resize", ["x", "", "", "c60"], ["y"], mode="linear")],
}


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("what", sorted(GRAPHS))
def test_graphs_that_make_no_sense(what, tmp_path):
    constants = [build.constant("s", [1, 3, 20, 24])]
    survives(
        build.model(GRAPHS[what], constants=constants, outputs=["y"]).SerializeToString(),
        tmp_path / "model.onnx",
    )


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("side", [0, -1, 1 << 31, (1 << 63) - 1])
def test_absurd_sizes(side, tmp_path):
    for shape, sizes in (
        ((1, 3, side, side), [1, 3, 20, 24]),
        ((1, 3, 10, 12), [1, 3, side, side]),
    ):
        proto = build.resize(sizes=sizes, mode="linear")
        for dim, n in zip(proto.graph.input[0].type.tensor_type.shape.dim, shape):
            dim.dim_value = n
        intents, _ = build.load(proto, tmp_path)
        for intent in intents:
            assert intent.input_size is None
            assert intent.size == (20, 24)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("factor", [3e38, 1e30, 1e-30, -2.0])
def test_absurd_factors(factor, tmp_path):
    proto = build.resize(scales=[1.0, 1.0, factor, factor], mode="linear", shape=(1, 3, 999, 999))
    assert build.load(proto, tmp_path).intents == []


def test_sizes_that_are_no_integers(tmp_path):
    sizes = build.constant("sizes", [1.0, 3.0, 20.5, 24.0])
    proto = build.resize(sizes=[1, 3, 20, 24], mode="linear")
    proto.graph.initializer[0].CopyFrom(sizes)
    survives(proto.SerializeToString(), tmp_path / "model.onnx")


def test_tensor_that_claims_to_be_huge(tmp_path):
    proto = build.resize(sizes=[1, 3, 20, 24], mode="linear")
    tensor = proto.graph.initializer[0]
    del tensor.dims[:]
    tensor.dims.extend([1 << 40, 1 << 40])
    (intent,), _ = build.load(proto, tmp_path)
    assert intent.size is None


def test_bodies_inside_bodies(tmp_path):
    body = helper.make_graph([node("Resize", ["x", "", "", "s"], ["y"])], "b", [], [])
    for _ in range(20):
        body = helper.make_graph([node("If", ["c"], ["y"], then_branch=body)], "b", [], [])
    proto = build.resize(sizes=[1, 3, 20, 24])
    proto.graph.node.extend(body.node)
    survives(proto.SerializeToString(), tmp_path / "model.onnx")


@pytest.mark.slow
def test_many_resizes_in_a_row_are_settled(tmp_path):
    """Each size depends on the one before, so each round of shape inference settles one."""
    nodes = []
    for k in range(150):
        x, y = ("x" if k == 0 else "y{}".format(k - 1)), "y{}".format(k)
        nodes.append(node("Shape", [x], ["s" + y]))
        nodes.append(node("Mul", ["s" + y, "one"], ["t" + y]))
        nodes.append(node("Resize", [x, "", "", "t" + y], [y], mode="linear"))
    one = helper.make_tensor("one", TensorProto.INT64, [], [1])
    intents, _ = build.load(build.model(nodes, constants=[one]), tmp_path)
    assert len(intents) == 150
    assert intents[50].size == (10, 12)
