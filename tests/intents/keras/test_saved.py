"""Saved models, read without Keras, against what their frameworks executed when they were made."""

import json
import zipfile
from pathlib import Path

import pytest

from coreml_resize_fix import Manifest
from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.intents.keras import hdf5, reader
from coreml_resize_fix.intents.keras.config import NoModelError, read_config
from coreml_resize_fix.intents.keras.own_layers import KNOWN

FIXTURES = Path(__file__).parent / "fixtures"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".h5", ".keras"))
# What a configuration does not have, by the network: calls that are left out, with a notice.
LEFT_OUT = {"unet": [], "more": ["cut"]}
CALL = ("name", "framework", "mode", "align_corners", "antialias", "scale_factor")


def load(path):
    if path.suffix == ".h5":
        pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    return Manifest.load(str(path))


def executed(path):
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_calls_are_those_that_ran(path):
    found = load(path)
    network = path.stem.split("-")[1]
    ran = [call for call in executed(path) if call["name"] not in LEFT_OUT[network]]
    assert [intent.index for intent in found] == list(range(len(ran)))
    for intent, call in zip(found, ran):
        says = intent.as_dict()
        assert {key: says[key] for key in CALL} == {key: call[key] for key in CALL}
        # A size that is computed while it runs is not in the file.
        assert says["size"] == call["size"] or intent.name == "tf.image.resize_2"
        for key in ("input_size", "output_size", "channels"):  # right where it is known
            assert says[key] in (None, call[key])
    notices = " ".join(found.notices)
    for name in LEFT_OUT[network]:
        assert f"`{name}`" in notices
    if network == "more":
        assert "1 layer (`doubled`) may resize by code" in notices or "keras315" in path.name


def test_what_is_looked_at():
    assert {path.name.split("-")[0] for path in FILES} == {
        *("keras224", "tf115", "tf212", "tfkeras221", "keras315")
    }
    # Keras 2.2.4 ran TensorFlow 1's; tf.keras of the same version does not.
    bilinear = {}
    for path in FILES:
        if "unet" in path.name:
            calls = executed(path)
            bilinear[path.stem] = {c["framework"] for c in calls if c["mode"] == "bilinear"}
    assert bilinear.pop("keras224-unet") == {"tensorflow1"}
    assert set(map(frozenset, bilinear.values())) == {frozenset(["keras"])}


def test_sizes_of_keras_3_are_those_of_each_call():
    found = load(FIXTURES / "keras315-unet.keras")
    sizes = [
        (call["input_size"], call["output_size"])
        for call in executed(FIXTURES / "keras315-unet.keras")
    ]
    assert [([*i.input_size], [*i.output_size]) for i in found] == sizes
    assert found.notices == []


def layer(kind, name, *reads, **config):
    """A layer of a functional model of Keras 2, with the calls that it reads."""
    calls = [[[*one, {}] for one in read] for read in reads]
    return {
        "class_name": kind,
        "name": name,
        "config": dict(config, name=name),
        "inbound_nodes": calls,
    }


def functional(*layers, outputs, name="model"):
    return {
        "class_name": "Functional",
        "config": {
            "name": name,
            "layers": list(layers),
            "input_layers": [["image", 0, 0]],
            "output_layers": [[*output, 0] for output in outputs],
        },
    }


IMAGE = layer("InputLayer", "image", batch_input_shape=[None, 4, 6, 3])


def upsampled(version, backend="tensorflow", **config):
    model = functional(
        IMAGE,
        layer("UpSampling2D", "up", [("image", 0, 0)], size=[2, 3], **config),
        outputs=[("up", 0)],
    )
    return read_config(model, version, backend)


@pytest.mark.parametrize(
    ("version", "backend", "framework"),
    [
        ("2.2.3", "tensorflow", "tensorflow1"),
        ("2.3.1", "tensorflow", "tensorflow1"),
        ("2.1.6-tf", "tensorflow", "tensorflow1"),
        ("2.2.4-tf", "tensorflow", "keras"),
        ("2.3.0-tf", "tensorflow", "keras"),
        ("2.4.0", "tensorflow", "keras"),
        ("2.21.0", None, "keras"),
        ("3.0.0", None, "keras"),
        ("3.15.1", "jax", "keras"),
        ("3.15.1", "torch", "torch"),
        (None, None, "keras"),
        ("what is this", None, "keras"),
    ],
)
def test_versions(version, backend, framework):
    found = upsampled(version, backend, interpolation="bilinear")
    (intent,) = found.intents
    assert (intent.framework, intent.mode, intent.scale_factor) == (framework, "bilinear", (2, 3))
    assert (intent.input_size, intent.output_size, intent.channels) == ((4, 6), (8, 18), 3)
    is_doubtful = version in ("2.2.4-tf", None, "what is this")
    assert bool(found.notices) == is_doubtful
    assert all("does not say which TensorFlow ran it" in notice for notice in found.notices)


def test_other_backends_of_keras_3():
    def resized(backend, **config):
        resizing = layer("Resizing", "r", [("image", 0, 0)], height=7, width=9, **config)
        found = read_config(functional(IMAGE, resizing, outputs=[("r", 0)]), "3.15.1", backend)
        return found.intents[0], found.notices

    for backend in ("tensorflow", "torch", "jax"):
        assert resized(backend, interpolation="bicubic")[1] == []
    assert resized("torch", interpolation="nearest")[0].mode == "nearest-exact"
    assert resized("tensorflow", interpolation="nearest")[0].framework == "keras"
    assert resized("jax", interpolation="bicubic")[0].framework == "onnx"
    assert resized("torch", antialias=True)[0].antialias
    assert resized(None, interpolation="bilinear")[1] == []
    for doubtful in (
        {"interpolation": "bicubic"},
        {"interpolation": "nearest"},
        {"antialias": True},
    ):
        intent, (notice,) = resized(None, **doubtful)
        assert (intent.framework, "`r`" in notice) == ("keras", True)
        assert "does not say on which backend" in notice


def test_other_backends_of_keras_2():
    (notice,) = upsampled("2.2.4", "theano", interpolation="bilinear").notices
    assert "theano" in notice
    (intent,) = upsampled("2.2.4", "theano").intents
    assert (intent.framework, intent.mode) == ("tensorflow1", "nearest")


@pytest.mark.parametrize("method", ["lanczos3", "gaussian", 7, None, ["bilinear"], {}])
def test_interpolations_without_an_intent_are_named(method):
    found = upsampled("2.12.0", interpolation=method)
    assert found.intents == []
    assert "`up`" in found.notices[0]


def test_channels_first():
    (intent,) = upsampled("2.12.0", data_format="channels_first").intents
    assert (intent.input_size, intent.output_size, intent.channels) == ((6, 3), (12, 9), 4)


def test_sequential_models_of_all_times():
    layers = [
        {"class_name": "Conv2D", "config": {"name": "c", "batch_input_shape": [None, 5, 5, 3]}},
        {"class_name": "UpSampling2D", "config": {"name": "a", "size": [2, 2]}},
        {"class_name": "UpSampling2D", "config": {"name": "b", "size": 2}},
    ]
    old = read_config({"class_name": "Sequential", "config": layers}, "2.2.0", None)
    new = read_config(
        {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}, "2.12.0", None
    )
    assert [intent.name for intent in old.intents] == ["a", "b"]
    assert [intent.name for intent in new.intents] == ["a", "b"]


def test_a_layer_in_a_wrapper_and_one_of_the_user():
    wrapped = layer("TimeDistributed", "each", [("image", 0, 0)])
    wrapped["config"]["layer"] = layer("UpSampling2D", "up", size=[2, 2])
    mine = dict(layer("UpSampling2D", "mine", [("each", 0, 0)]), registered_name="net>UpSampling2D")
    model = functional(IMAGE, wrapped, mine, outputs=[("mine", 0)])
    found = read_config(model, "2.12.0", None)
    assert [intent.name for intent in found.intents] == ["each/up"]
    assert any("1 layer (`mine`) may resize" in notice for notice in found.notices)


def test_a_model_that_is_called_twice_counts_its_calls_from_one():
    inner = functional(
        layer("InputLayer", "image", batch_input_shape=[None, 4, 6, 3]),
        layer("UpSampling2D", "up", [("image", 0, 0)], size=[2, 2]),
        outputs=[("up", 0)],
        name="inner",
    )
    inner.update(name="inner", inbound_nodes=[[["image", 0, 0, {}]], [["between", 0, 0, {}]]])
    between = layer("UpSampling2D", "between", [("inner", 1, 0)], interpolation="bilinear")
    model = functional(IMAGE, inner, between, outputs=[("inner", 2)])
    found = read_config(model, "2.12.0", None)
    assert [intent.name for intent in found.intents] == ["inner/up", "between", "inner/up"]


def test_outputs_of_keras_3_count_the_calls_of_a_model_from_one():
    def tensor(name):
        config = {"shape": [None, 4, 6, 3], "keras_history": [name, 0, 0]}
        return {"args": [{"class_name": "__keras_tensor__", "config": config}], "kwargs": {}}

    image = dict(IMAGE, inbound_nodes=[])
    up = dict(
        layer("UpSampling2D", "up", interpolation="bilinear"), inbound_nodes=[tensor("image")]
    )
    inner = functional(image, up, outputs=[("up", 0)], name="inner")
    inner.update(name="inner", inbound_nodes=[tensor("image"), tensor("late")])
    late = dict(layer("UpSampling2D", "late"), inbound_nodes=[tensor("image")])
    for output, names in ((1, ["inner/up"]), (2, ["late", "inner/up"])):
        model = functional(image, inner, late, outputs=[("inner", output)])
        found = read_config(model, "3.15.1", None)
        assert [intent.name for intent in found.intents] == names


# Files that are damaged, or something else, or made to do harm.

UP = layer("UpSampling2D", "up", [("image", 0, 0)])


def deep(levels):
    model = functional(IMAGE, UP, outputs=[("up", 0)])
    for _ in range(levels):
        inner = dict(model, name="inner", inbound_nodes=[[["image", 0, 0, {}]]])
        model = functional(IMAGE, inner, outputs=[("inner", 0)])
    return model


def doubling(levels):
    """Each model calls the one inside twice: a small file, and 2 ** levels calls."""
    model = functional(IMAGE, UP, outputs=[("up", 0)])
    for _ in range(levels):
        calls = [[["image", 0, 0, {}]], [["inner", 0, 0, {}]]]
        model = functional(
            IMAGE, dict(model, name="inner", inbound_nodes=calls), outputs=[("inner", 1)]
        )
    return model


REFUSED = {
    "a cycle": (
        functional(
            layer("Add", "a", [("b", 0, 0)]), layer("Add", "b", [("a", 0, 0)]), outputs=[("b", 0)]
        ),
        "reads what it makes itself",
    ),
    "a layer that reads itself": (
        functional(layer("Add", "a", [("a", 0, 0)]), outputs=[("a", 0)]),
        "reads what it makes itself",
    ),
    "a call that is not there": (functional(IMAGE, UP, outputs=[("up", 7)]), "is not there"),
    "a negative call": (functional(IMAGE, UP, outputs=[("up", -1)]), "is not there"),
    "two of a name": (functional(IMAGE, UP, UP, outputs=[("up", 0)]), "two layers"),
    "no outputs": (functional(IMAGE, UP, outputs=[]), "names no outputs"),
    "models in models": (deep(60), "models inside of models"),
    "doubling": (doubling(30), "more than 100000 times"),
    "a model by code": ({"class_name": "Net", "config": {"units": 3}}, "made by code"),
    "a list": ([], "made by code"),
    "a number": (3, "made by code"),
    "nothing": (None, "made by code"),
}


def archive(path, config, metadata=b'{"keras_version": "2.12.0"}', method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(str(path), "w", method) as file:
        file.writestr("config.json", config)
        file.writestr("metadata.json", metadata)
    return path


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_refused_models(what, tmp_path):
    model, reason = REFUSED[what]
    path = archive(tmp_path / "net.keras", json.dumps(model))
    with pytest.raises(ManifestError, match=reason) as caught:
        Manifest.load(str(path))
    assert str(path) in caught.value.message


REFUSED_TEXTS = {
    "not UTF-8": (b'{"class_name": "\xff"}', "is not UTF-8"),
    "not JSON": (b"{", "is not JSON"),
    "nested too deep": (b"[" * 100_000, "nested too deep"),
    "longer than may be": (b" " * (reader.LONGEST + 1), "longer than 32 mib"),
    "a number of a million digits": (b'{"a": ' + b"1" * 10**6 + b"}", "made by code"),
}


@pytest.mark.parametrize("what", sorted(REFUSED_TEXTS))
def test_refused_texts(what, tmp_path):
    text, reason = REFUSED_TEXTS[what]
    path = archive(tmp_path / "net.keras", text)
    assert path.stat().st_size < 100_000
    with pytest.raises(ManifestError, match=reason):
        Manifest.load(str(path))


REFUSED_FILES = {
    "empty": (b"", "it is empty"),
    "text": (b"what is this?", "neither a zip archive nor HDF5"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    "half an archive": (b"PK\x03\x04" + b"\0" * 99, "archive cannot be read"),
}


@pytest.mark.parametrize("what", sorted(REFUSED_FILES))
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
def test_refused_files(what, suffix, tmp_path):
    data, reason = REFUSED_FILES[what]
    path = tmp_path / ("net" + suffix)
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=reason):
        Manifest.load(str(path))


def test_no_file_a_folder_and_an_archive_of_something_else(tmp_path):
    with pytest.raises(ManifestError, match="cannot read"):
        Manifest.load(str(tmp_path / "none.keras"))
    folder = tmp_path / "saved.keras"
    folder.mkdir()
    with pytest.raises(ManifestError, match="a folder"):
        Manifest.load(str(folder))
    with zipfile.ZipFile(str(tmp_path / "other.keras"), "w") as file:
        file.writestr("data.pkl", b"")
    with pytest.raises(ManifestError, match=r"has no `config.json`"):
        Manifest.load(str(tmp_path / "other.keras"))


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in list(pairs):
        yield from places(item, (*path, key))


def changed(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


WRONG = [
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    "",
    "up",
    [],
    [[]],
    ["image", 0, 0],
    {},
    {"a": 1},
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["keras315-more.keras", "tf212-more.keras", "tfkeras221-unet.keras"]
)
def test_a_wrong_value_anywhere_is_a_sentence_or_a_notice(name):
    with zipfile.ZipFile(str(FIXTURES / name)) as file:
        config = json.loads(file.read("config.json").decode())
    ways = {"read": 0, "refused": 0}
    for number, path in enumerate(places(config)):
        for new in WRONG[number % 3 :: 3]:
            try:
                found = read_config(changed(config, path, new), "2.12.0", None)
                for intent in found.intents:
                    assert intent.axes((5, 7), intent.target_size((5, 7)) or (9, 9))
                ways["read"] += 1
            except NoModelError:
                ways["refused"] += 1
    assert min(ways.values()) > 20


def test_h5py_is_named_where_it_is_missing(monkeypatch):
    missing = "sys.modules['h5py'] = None\n"
    monkeypatch.setattr(hdf5, "_CHILD", missing + hdf5._CHILD)
    with pytest.raises(ManifestError, match="needs the package h5py") as caught:
        Manifest.load(str(FIXTURES / "tf212-unet.h5"))
    assert "pip install h5py" in caught.value.hint


def test_damaged_hdf5(tmp_path):
    pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    data = (FIXTURES / "tf212-unet.h5").read_bytes()
    path = tmp_path / "net.h5"
    for cut in (9, 100, len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(ManifestError, match="is damaged"):
            Manifest.load(str(path))


def test_hdf5_of_weights(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    path = str(tmp_path / "weights.h5")
    with h5py.File(path, "w") as file:
        file.create_group("model_weights")
    with pytest.raises(ManifestError, match="weights alone"):
        Manifest.load(path)


@pytest.mark.parametrize("kind", ["a list", "too long", "a number"])
def test_attributes_that_are_no_configuration(kind, tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    value = {"a list": ["{}"] * 9, "too long": " " * (reader.LONGEST + 1), "a number": 3.5}[kind]
    path = str(tmp_path / "net.h5")
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = value
    with pytest.raises(ManifestError, match="no `model_config`"):
        Manifest.load(path)


def test_a_text_of_hdf5_that_is_not_utf_8(tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs h5py: pip install h5py")
    path = str(tmp_path / "net.h5")
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = b'{"class_name": "\xff"}'
    with pytest.raises(ManifestError, match="is not UTF-8"):
        Manifest.load(path)


def test_the_known_layers_do_not_resize():
    assert not [name for name in KNOWN if "Resiz" in name or "UpSampling2D" in name]
    assert len(KNOWN) > 100
