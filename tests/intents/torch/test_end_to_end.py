"""From a PyTorch model to a right Core ML model, with no manifest typed.

Conversion runs in a process of its own: it crashes where PyTorch 1.4 was imported first.
"""

import importlib.util
import os

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.formats.protobuf import schema  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.source import Manifest  # noqa: E402
from coreml_resize_fix.run.pipeline import Request, process  # noqa: E402
from tests.fixtures import networks  # noqa: E402
from tests.intents.torch.support import UNet, export  # noqa: E402
from tests.support.process import start  # noqa: E402

# Name → resize layers that differ from PyTorch as onnx-coreml converts them.
NETWORKS = {"enlarge": 2, "enlarge_scale": 2, "frac_size": 1, "nearest": 1, "shrink": 3, "unet": 3}

BY_ONNX_COREML = """
import sys, onnx_coreml
for path in sys.argv[1:]:
    model = onnx_coreml.convert(path, minimum_ios_deployment_target="12")
    model.save(path[:-len("onnx")] + "mlmodel")
"""

BY_COREMLTOOLS = """
import sys, torch, coremltools
for path in sys.argv[1:]:
    model = torch.jit.load(path)
    shape = [int(n) for n in open(path + ".txt").read().split()]
    converted = coremltools.convert(
        model,
        inputs=[coremltools.TensorType(name="image", shape=shape)],
        convert_to="neuralnetwork",
        minimum_deployment_target=coremltools.target.iOS14,
    )
    converted.save(path[:-len("pt")] + "mlmodel")
"""


IN_ONE_PROCESS = """
import sys, onnx_coreml, torch  # in this order
from coreml_resize_fix import audit, exportable, fix
from tests.intents.torch.test_end_to_end import NETWORKS, build
for name in NETWORKS:
    model, example = build(name)
    path = "{}/{}.onnx".format(sys.argv[1], name)
    with exportable(model) as intents:
        torch.onnx.export(model, example, path, opset_version=9)
    mlmodel = fix(onnx_coreml.convert(path, minimum_ios_deployment_target="12"), intents)
    assert audit(mlmodel, intents).exit_code == 0
"""


def build(name):
    if name == "unet":
        return UNet(factor=2.0).eval(), torch.rand(1, 3, 10, 14)
    return networks.build(name), torch.rand(*networks.NETWORKS[name].input_shape)


def converted(code, paths):
    run = start(code, *paths)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.fixture(scope="module")
def by_onnx_coreml(tmp_path_factory):
    """A folder with a converted model and a saved manifest for each network."""
    if importlib.util.find_spec("onnx_coreml") is None:
        pytest.skip("needs onnx-coreml on Python 3.7: pip install coreml-resize-fix[legacy]")
    folder = tmp_path_factory.mktemp("onnx")
    paths = []
    for name in NETWORKS:
        model, maps = build(name)
        paths.append(str(folder / (name + ".onnx")))
        intents = export(model, maps, paths[-1])
        assert list(intents) == list(record_intents(model, maps))
        record_intents(model, maps, tensors=True).save(str(folder / (name + ".json")))
    converted(BY_ONNX_COREML, paths)
    return folder


@pytest.fixture(scope="module")
def by_coremltools(tmp_path_factory):
    """The same by the converter that reads traced models."""
    if not schema.knows_ios14():
        pytest.skip("needs coremltools 4 or newer: pip install -U coremltools")
    folder = tmp_path_factory.mktemp("traced")
    paths = []
    for name in NETWORKS:
        model, maps = build(name)
        paths.append(str(folder / (name + ".pt")))
        torch.jit.trace(model, maps).save(paths[-1])
        with open(paths[-1] + ".txt", "w") as file:
            file.write(" ".join(str(n) for n in maps.shape))
        record_intents(model, maps, tensors=True).save(str(folder / (name + ".json")))
    converted(BY_COREMLTOOLS, paths)
    return folder


def request(folder, name, **options):
    manifest = Manifest.load(str(folder / (name + ".json")))
    assert len(manifest.tensors) == len(manifest) > 0
    return Request(manifest=manifest, tensors=manifest.tensors, **options)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_what_onnx_coreml_made_is_matched_and_fixed(by_onnx_coreml, name):
    path, fixed = (
        str(by_onnx_coreml / (name + ".mlmodel")),
        str(by_onnx_coreml / (name + "-f.mlmodel")),
    )
    report = process(path, request(by_onnx_coreml, name, dry_run=True))
    verdicts = [finding.verdict for finding in report.findings]
    assert sorted(set(verdicts) - {"match"}) == ["fixable"]
    assert verdicts.count("fixable") == NETWORKS[name]
    assert [i.label for i in report.unused] == []
    report = process(path, request(by_onnx_coreml, name, output=fixed))
    assert (report.exit_code, os.path.exists(fixed)) == (0, True)
    again = process(fixed, request(by_onnx_coreml, name, dry_run=True))
    assert {finding.verdict for finding in again.findings} == {"match"}


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_what_coremltools_made_is_matched(by_coremltools, name):
    path = str(by_coremltools / (name + ".mlmodel"))
    report = process(path, request(by_coremltools, name, dry_run=True))
    assert report.exit_code == 0, [finding.message for finding in report.findings]
    assert {finding.verdict for finding in report.findings} == {"match"}


def test_export_conversion_and_fix_in_one_process(tmp_path):
    if importlib.util.find_spec("onnx_coreml") is None:
        pytest.skip("needs onnx-coreml on Python 3.7: pip install coreml-resize-fix[legacy]")
    converted(IN_ONE_PROCESS, [str(tmp_path)])
