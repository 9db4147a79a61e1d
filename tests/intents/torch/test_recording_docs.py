"""The code in docs/recording.md runs as it stands."""

import inspect
import os
import re
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.formats.protobuf import schema  # noqa: E402
from coreml_resize_fix.intents.source import Manifest  # noqa: E402
from tests.intents.torch.support import UNet  # noqa: E402
from tests.support.cases import TESTS  # noqa: E402

GUIDE = os.path.join(os.path.dirname(TESTS), "docs", "recording.md")


def blocks():
    with open(GUIDE, encoding="utf-8") as file:
        return re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)


def test_the_blocks_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        # The text says to pass it; the block is that of versions which do not know it.
        traced = torch.onnx.export
        monkeypatch.setattr(torch.onnx, "export", lambda *a, **k: traced(*a, dynamo=False, **k))
    names = {"model": UNet().eval(), "example": torch.rand(1, 3, 10, 14)}
    traces = schema.knows_ios14()  # as a converter of traced models does
    for number, block in enumerate(blocks()):
        if "coremltools" in block and not traces:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(block, "block {}".format(number), "exec"), names)
        assert list(Manifest.load("intent.json")) == list(names["intents"])
        assert len(names["intents"]) == 4
    converted = ["model.mlpackage"] if traces else []
    assert sorted(os.listdir()) == ["intent.json", "intent.npz", *converted, "model.onnx"]
