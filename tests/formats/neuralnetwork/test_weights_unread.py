"""An audit reads the structure of a model and skips its weights."""

import hashlib
import io

import pytest

from coreml_resize_fix.formats.neuralnetwork import layers
from coreml_resize_fix.formats.protobuf import skeleton
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import outputs, pipeline
from tests.support import build, cases, wirediff

MEGABYTE = 1 << 20
BOUND = 16 * 1024  # bytes; the structure of these models has less than 500

CONVOLUTION = """
convolution {
  outputChannels: 2 kernelChannels: 2 nGroups: 1 kernelSize: 3 kernelSize: 3
  same { } weights { }
}
"""
INNER_PRODUCT = "innerProduct { inputChannels: 1 outputChannels: 1 bias { } }"
LOAD_CONSTANT = "loadConstant { shape: 2 shape: 6 shape: 8 data { } }"
BATCHNORM = "batchnorm { channels: 2 gamma { } beta { } mean { } variance { } }"
ASK = Intent(align_corners=True, size=(12, 16))


class CountingFile(io.FileIO):
    """A file that counts the bytes that are read from it."""

    count = 0

    def read(self, size=-1):
        data = super().read(size)
        self.count += len(data)
        return data


def floats(layer):
    layer.convolution.weights.floatValue.extend([0.5] * (5 * MEGABYTE))


def halves(layer):
    layer.convolution.weights.float16Value = bytes(20 * MEGABYTE)


def bias(layer):
    layer.innerProduct.bias.float16Value = bytes(20 * MEGABYTE)


def quantized(layer):
    layer.loadConstant.data.rawValue = bytes(20 * MEGABYTE)


def in_parts(layer):
    for part in ("gamma", "beta", "mean", "variance"):
        getattr(layer.batchnorm, part).float16Value = bytes(5 * MEGABYTE)


BLOBS = {
    "float32": (CONVOLUTION, floats),
    "float16": (CONVOLUTION, halves),
    "bias": (INNER_PRODUCT, bias),
    "raw": (LOAD_CONSTANT, quantized),
    "four parts": (BATCHNORM, in_parts),
}


def heavy(text=CONVOLUTION, fill=halves):
    """A model of 20 MB with an Upsample behind its weights."""
    model = build.network([2, 6, 8], [text, build.DOUBLE])
    fill(model.neuralNetwork.layers[0])
    return model


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("name", sorted(BLOBS))
def test_reading_the_structure_skips_the_weights(name, tmp_path):
    path = build.write(tmp_path, heavy(*BLOBS[name]))
    with CountingFile(path) as file:
        source = Source(file)
        assert source.size > 20 * MEGABYTE
        models = layers.models(skeleton.read(source))
        assert [layer.address for layer in models[0].layers] == ["layers[0]", "layers[1]"]
        assert 0 < file.count < BOUND
        assert source.bytes_read == file.count


def test_long_descriptions_of_what_goes_in_and_out_are_read():
    model = build.network([2, 6, 8], [build.DOUBLE])
    for feature in (model.description.input[0], model.description.output[0]):
        feature.shortDescription = "x" * 5000
    model.neuralNetwork.layers[0].name = "y" * 5000
    assert skeleton.read(Source(model.SerializeToString())).model == model


def class_labels(model):
    labels = model.neuralNetworkClassifier.stringClassLabels.vector
    labels.extend("class {:06d}".format(index) for index in range(100000))


def mean_image(model):
    model.neuralNetworkClassifier.preprocessing.add().meanImage.meanImage.extend([0.5] * 500000)


def text(model):
    model.description.metadata.userDefined["classes"] = "x" * MEGABYTE


@pytest.mark.parametrize("fill", [class_labels, mean_image, text])
def test_what_lies_beside_the_layers_is_skipped_too(fill, tmp_path):
    model = build.network([2, 6, 8], [build.DOUBLE], kind="neuralNetworkClassifier")
    fill(model)
    with CountingFile(build.write(tmp_path, model)) as file:
        source = Source(file)
        assert source.size > MEGABYTE
        assert len(layers.models(skeleton.read(source))[0].layers) == 1
        assert 0 < file.count < BOUND


@pytest.fixture
def counted(monkeypatch):
    """Every opening of a model for reading."""
    opened, really_open = [], open

    def counting_open(path, mode="r", *args, **options):
        if mode != "rb" or not str(path).endswith("model.mlmodel"):
            return really_open(path, mode, *args, **options)
        opened.append(CountingFile(path))
        return opened[-1]

    monkeypatch.setattr("builtins.open", counting_open)
    return opened


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize(
    "request_for",
    [
        pipeline.Request(),
        pipeline.Request(assume=ASK, dry_run=True, verify=True),
        pipeline.Request(manifest=[ASK], dry_run=True),
        pipeline.Request(manifest=[Intent(mode="bicubic", size=(12, 16))]),
    ],
    ids=["inventory", "assumed", "dry run", "unmatchable"],
)
def test_a_run_that_writes_nothing_reads_little(request_for, tmp_path, counted):
    report = pipeline.process(build.write(tmp_path, heavy()), request_for)
    assert len(report.findings) == 1
    assert report.sha256 is None
    assert 0 < sum(file.count for file in counted) < BOUND


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("hashed", [False, True])
def test_a_fix_reads_the_file_once_and_its_structure_twice(hashed, tmp_path, counted):
    model = heavy()
    path = build.write(tmp_path, model)
    data = model.SerializeToString()
    report = pipeline.process(path, pipeline.Request(manifest=[ASK], fingerprint=hashed))
    assert len(data) < sum(file.count for file in counted) < len(data) + 4 * BOUND
    assert report.sha256 == (hashlib.sha256(data).hexdigest() if hashed else None)
    allowed = [((1, 0),), ((500, 0), (1, 1), (210, 0))]
    found = wirediff.changes(data, cases.read_bytes(report.output), wirediff.opened(allowed))
    assert [change.path for change in found] == allowed


def test_a_fingerprint_is_the_hash_of_the_model_and_only_made_on_request(tmp_path):
    model = build.network([2, 6, 8], [build.DOUBLE])
    path = build.write_package(tmp_path, model)
    expected = hashlib.sha256(model.SerializeToString()).hexdigest()
    assert (
        pipeline.process(path, pipeline.Request(dry_run=True, fingerprint=True)).sha256 == expected
    )
    assert pipeline.process(path, pipeline.Request(dry_run=True)).sha256 is None


def test_no_fingerprint_of_a_large_model(tmp_path):
    path = tmp_path / "large.bin"
    with open(str(path), "wb") as file:
        file.truncate(64 * MEGABYTE + 1)
    assert outputs.sha256_if_small(str(path)) is None
    with open(str(path), "wb") as file:
        file.truncate(64 * MEGABYTE)
    assert outputs.sha256_if_small(str(path)) == hashlib.sha256(bytes(64 * MEGABYTE)).hexdigest()


def test_only_the_weights_are_left_out():
    model = heavy()
    read = skeleton.read(Source(model.SerializeToString())).model
    model.neuralNetwork.layers[0].convolution.weights.ClearField("float16Value")
    assert read == model
