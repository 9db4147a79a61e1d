"""Files that are broken, or something else, or made to do harm: one clear error, or no intent."""

import contextlib
import os
import random
import struct

import pytest

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents import network_file
from coreml_resize_fix.intents.source import Manifest
from hardening import mutations
from tests.intents.tensorflow import FIXTURES, flat
from tests.intents.tensorflow import graphs as g
from tests.support.cases import CORPUS, named, read_bytes

LITE = read_bytes(str(FIXTURES / "2.12-upsampling.tflite"))
GRAPH = read_bytes(str(FIXTURES / "2.12-upsampling.pb"))
ONNX = read_bytes(named("t17_ct52_o11_sf2_acT").folder + "/model.onnx")
UNUSABLE = "\u00e9".encode("latin-1")


def lite(change=None, **fields):
    """A model of one resize, changed; fields of its root by slot."""
    model = flat.Model()
    image, output = model.tensor("in", (1, 4, 5, 3)), model.tensor("up", (1, 8, 15, 3))
    model.resize("bilinear", image, model.numbers(8, 15), output)
    model.outputs(output)
    if change is not None:
        change(model)
    root = model.fields()
    root.update({int(key[1:]): value for key, value in fields.items()})
    return flat.write(root)


def set_in(kind, place, slot, value):
    def change(model):
        {"node": model.nodes, "tensor": model.tensors}[kind][place][slot] = value

    return change


def calls_itself(model):
    model.node("Call", [0], [1], {0: ("I", 0)}, 16)


def calls_many(model):
    """Two calls of the next subgraph in each of 30: a billion runs of the last."""
    for k in range(30):
        for _ in range(2):
            model.node("Call", [0], [0], {0: ("I", k + 1)}, 16)
        model.begin()
        model.tensor("", ())


BROKEN_LITE = {
    "no subgraph": (lite(_2=("L", [])), "it has no subgraph"),
    "operator": (lite(set_in("node", 0, 0, ("I", 7))), "it names operator 7 of 1"),
    "tensor": (lite(set_in("node", 0, 1, ("N", (9, 2)))), "it names part 9 of 3"),
    "negative tensor": (lite(set_in("node", 0, 2, ("N", (-7,)))), "it names part -7 of 3"),
    "buffer": (lite(set_in("tensor", 2, 2, ("I", 2**31))), "it names part 2147483648 of 2"),
    "name": (lite(set_in("tensor", 1, 3, ("C", UNUSABLE))), "not UTF-8 text"),
    "subgraph": (
        lite(lambda model: model.node("Call", [0], [1], {0: ("I", 9)}, 16)),
        "it names part 9 of 1",
    ),
    "recursion": (lite(calls_itself), "its subgraphs call themselves"),
    "many runs": (lite(calls_many), "its subgraphs run more than 100000 nodes"),
    "root": (b"\xff\xff\xff\xffTFL3" + bytes(40), "is outside of it"),
    "vtable": (struct.pack("<I4siI", 8, b"TFL3", 100000, 0), "is outside of it"),
    "list": (
        LITE.replace(struct.pack("<I", 2), struct.pack("<I", 2**31)),
        "outside of it",
    ),
    "half": (LITE[: len(LITE) // 2], "outside of it"),
    "no mark": (LITE[:4] + b"\0\0\0\0" + LITE[8:], "`TFL3` is missing"),
    "graph": (GRAPH, "`TFL3` is missing"),
    "onnx": (ONNX, "`TFL3` is missing"),
}
IMAGE = g.placeholder("image", (1, 4, 5, 3))
SIZE = g.numbers("size", [8, 15])
UP = g.resize("up", "ResizeBilinear", "image", "size")
ENDLESS = g.function("again", ["x"], {}, [g.node("c", "PartitionedCall", ["x"], g.calls("again"))])


def doubling():
    """Two calls of the next function in each of 30."""
    functions = []
    for k in range(30):
        inner = [
            g.node(name, "PartitionedCall", [], g.calls("f{}".format(k + 1))) for name in ("a", "b")
        ]
        functions.append(g.function("f{}".format(k), [], {}, inner))
    return g.graph(
        IMAGE, g.node("call", "PartitionedCall", [], g.calls("f0")), g.library(*functions)
    )


def caffe():
    return g.graph([g.text(1, "net"), g.text(100, [g.text(1, "data"), g.text(2, "Input")])])


BROKEN_GRAPHS = {
    "half": (GRAPH[: len(GRAPH) // 2], "is it complete?"),
    "no nodes": (g.graph(g.library()), "no nodes as TensorFlow writes them"),
    "no operator": (g.graph(IMAGE, g.text(1, [g.text(1, "it")])), "no nodes as TensorFlow"),
    "odd operator": (g.graph(g.node("it", "Resize Bilinear")), "no nodes as TensorFlow"),
    "name": (g.graph(IMAGE, g.text(1, [g.text(1, UNUSABLE), g.text(2, "NoOp")])), "no nodes as"),
    "twice": (g.graph(IMAGE, IMAGE), "two of its nodes have one name"),
    "nothing": (g.graph(IMAGE, UP), "`up` reads what no node makes"),
    "recursion": (
        g.graph(IMAGE, g.node("call", "again", ["image"]), g.library(ENDLESS)),
        "its functions call themselves",
    ),
    "many runs": (doubling(), "or too many others"),
    "onnx": (ONNX, "it is an ONNX model"),
    "tflite": (LITE, "it is a TFLite model"),
    "core ml": (read_bytes(CORPUS[0].path), "it is a Core ML model"),
    "caffe": (caffe(), "it is a Caffe model"),
    "saved model": (g.graph([g.count(1, 1), g.text(2, [g.text(1, [])])]), "a SavedModel without"),
    "text graph": (b'node {\n  name: "x"\n  op: "Placeholder"\n}\n', "a graph as text (.pbtxt)"),
    "text": (b"what is this?\n", "it is text"),
    "checkpoint": (b'model_checkpoint_path: "model.ckpt-7"\n', "list of a checkpoint's files"),
    "index": (bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "the index of a checkpoint"),
}
OTHERS = {
    "empty": (b"", "it is empty"),
    "zip": (b"PK\x03\x04" + b"\0" * 99, "zip archive"),
    "keras": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "gzip": (b"\x1f\x8b\x08" + bytes(20), "gzip archive"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    "json": (b'{"resizes": []}', "JSON"),
    "web page": (b"<html></html>", "HTML"),
}
CASES = [("model.tflite", *case) for case in {**OTHERS, **BROKEN_LITE}.values()]
SLOW = ("many runs",)
CASES += [
    pytest.param("model.pb", *case, marks=[pytest.mark.slow] * (kind in SLOW))
    for kind, case in {**OTHERS, **BROKEN_GRAPHS}.items()
]


@pytest.mark.parametrize(("name", "data", "reason"), CASES, ids=lambda value: str(value)[:24])
def test_refused(name, data, reason, tmp_path):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ManifestError) as caught:
        Manifest.load(str(path))
    what = "a TFLite model" if name == "model.tflite" else "a frozen graph of TensorFlow"
    assert caught.value.message.startswith("`{}` is not {}: ".format(path, what))
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["missing.tflite", "missing.pb"])
def test_no_file(name, tmp_path):
    with pytest.raises(ManifestError, match="no such file") as caught:
        Manifest.load(str(tmp_path / name))
    assert os.path.splitext(name)[1] in caught.value.hint
    (tmp_path / name).mkdir()
    with pytest.raises(ManifestError, match="it is a folder"):
        Manifest.load(str(tmp_path / name))


def test_longer_than_any(tmp_path, monkeypatch):
    monkeypatch.setattr(network_file, "LONGEST", len(LITE) - 1)
    (tmp_path / "model.tflite").write_bytes(LITE)
    with pytest.raises(ManifestError, match="longer than 2 GiB"):
        Manifest.load(str(tmp_path / "model.tflite"))


def test_external_buffers_are_not_read(tmp_path):
    """Offset and size behind the flatbuffer, as in files of more than 2 GiB."""

    def external(model):
        model.buffers[1] = {1: ("Q", 8), 2: ("Q", 8)}

    (tmp_path / "model.tflite").write_bytes(lite(external))
    (intent,) = Manifest.load(str(tmp_path / "model.tflite"))
    assert (intent.size, intent.output_size) == (None, (8, 15))


@pytest.mark.parametrize("size", [(0, 8), (-1, 8), (2**31 - 1, 8), (-(2**31), 8), (65537, 1)])
def test_sizes_that_no_image_has(size, tmp_path):
    model = flat.Model()
    output = model.tensor("up", (1, 8, 15, 3))
    model.resize("bilinear", model.tensor("in", (1, 4, 5, 3)), model.numbers(*size), output)
    graph = g.graph(IMAGE, g.numbers("size", size), UP)
    for name, data in (("model.tflite", model.written()), ("graph.pb", graph)):
        (tmp_path / name).write_bytes(data)
        found = Manifest.load(str(tmp_path / name))
        assert list(found) == []
        assert found.notices == [
            "1 resize node (`up`) left out: its size or factor is beyond 1 to 65536"
        ]


@pytest.mark.parametrize("side", [0, -5, 2**31 - 1])
def test_shapes_that_no_image_has(side, tmp_path):
    model = flat.Model()
    image, output = model.tensor("in", (1, side, side, 3)), model.tensor("up", (1, 8, 15, 3))
    model.resize("bilinear", image, model.numbers(8, 15), output)
    graph = g.graph(g.placeholder("image", (1, side, side, 3)), SIZE, UP)
    for name, data in (("model.tflite", model.written()), ("graph.pb", graph)):
        (tmp_path / name).write_bytes(data)
        (intent,) = Manifest.load(str(tmp_path / name))
        assert (intent.input_size, intent.size) == (None, (8, 15))


def test_products_of_products_stay_small(tmp_path):
    parts = [IMAGE, g.numbers("m0", [2**31 - 1, 3])]
    parts += [g.node("m{}".format(k + 1), "Mul", ["m{}".format(k)] * 2) for k in range(200)]
    graph = g.graph(parts, g.resize("up", "ResizeBilinear", "image", "m200"))
    (tmp_path / "graph.pb").write_bytes(graph)
    (intent,) = Manifest.load(str(tmp_path / "graph.pb"))
    assert intent.size is None


def test_loops_of_a_graph_end(tmp_path):
    """As those of TensorFlow 1, which close by NextIteration."""
    merge = g.node("merge", "Merge", ["image", "next"])
    up = g.resize("up", "ResizeBilinear", "merge", "size")
    graph = g.graph(IMAGE, SIZE, merge, up, g.node("next", "NextIteration", ["up"]))
    one, other = (
        g.node(name, "Identity", [of]) for name, of in (("one", "other"), ("other", "one"))
    )
    (tmp_path / "graph.pb").write_bytes(graph + g.graph(one, other))
    (intent,) = Manifest.load(str(tmp_path / "graph.pb"))
    assert (intent.name, intent.size) == ("up", (8, 15))


MANY = {
    "nodes": {3: ("M", ({0: ("I", 0), 1: ("N", (0,) * 2000), 2: ("N", (0,))}, 40000))},
    "tensors": {3: ("M", ({0: ("I", 0), 1: ("N", (0,)), 2: ("N", (0,))}, 2000000))},
}


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("what", sorted(MANY))
def test_one_table_many_times(what, tmp_path):
    """Lists whose entries are all one table: 80 million parts in 200 kB, and 2 million nodes."""
    model = flat.Model()
    model.tensor("in", (1, 4, 5, 3))
    model.node("Relu", [0], [0])
    model.subgraphs[0].update(MANY[what])
    (tmp_path / "model.tflite").write_bytes(model.written())
    with pytest.raises(ManifestError, match="it has more than 2097152 parts"):
        Manifest.load(str(tmp_path / "model.tflite"))


def test_one_long_name_many_times(tmp_path):
    """Each call of a function has the names of those around it before its own."""
    inner = [g.node("n{}".format(k), "NoOp") for k in range(1000)]
    call = [g.node("c{}".format(k), "PartitionedCall", (), g.calls("f")) for k in range(1000)]
    outer = g.node("x" * 100000, "PartitionedCall", (), g.calls("g"))
    functions = g.function("f", [], {}, inner), g.function("g", [], {}, call)
    (tmp_path / "graph.pb").write_bytes(g.graph(outer, g.library(*functions)))
    with pytest.raises(ManifestError, match="or too many others"):
        Manifest.load(str(tmp_path / "graph.pb"))


@pytest.mark.parametrize(("name", "source"), [("a.tflite", LITE), ("a.pb", GRAPH)])
def test_cut_off_anywhere(name, source, tmp_path):
    for length in range(0, len(source), 97):
        (tmp_path / name).write_bytes(source[:length])
        with contextlib.suppress(ManifestError):
            assert len(Manifest.load(str(tmp_path / name))) < 2


@pytest.mark.parametrize(("name", "source"), [("a.tflite", LITE), ("a.pb", GRAPH)])
@pytest.mark.parametrize("seed", range(2))
def test_damaged(name, source, seed, tmp_path):
    rng = random.Random(seed)
    change = mutations.flatbuffer if name == "a.tflite" else mutations.message
    for _ in range(60):
        data = bytearray(change(source, rng.randrange(2**32), 20000))
        for _ in range(rng.choice([0, 1, 3])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / name).write_bytes(bytes(data))
        with contextlib.suppress(ManifestError):
            Manifest.load(str(tmp_path / name))
