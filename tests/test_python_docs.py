"""The code in docs/python.md runs as it stands, from top to bottom, and prints what is shown."""

import os
import re
import shutil
import warnings

import pytest

import coreml_resize_fix
from coreml_resize_fix import errors
from coreml_resize_fix.formats.protobuf import schema
from tests.support.cases import TESTS, UNET

with open(os.path.join(os.path.dirname(TESTS), "docs", "python.md"), encoding="utf-8") as file:
    GUIDE = file.read()
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
FIRST_IN_TORCH = "record_intents"  # from the section of this name on, blocks need PyTorch


def sections():
    """(heading, its blocks), each block with what it is shown to print."""
    parts = re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]
    return [(part.splitlines()[0], BLOCK.findall(part)) for part in parts]


HEADINGS = [heading for heading, _ in sections()]
TORCH = HEADINGS[HEADINGS.index(FIRST_IN_TORCH) :]


def run(names, headings, capsys):
    for heading, blocks in sections():
        for number, (code, shown) in enumerate(blocks if heading in headings else ()):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(code, "{}, block {}".format(heading, number), "exec"), names)
            printed = capsys.readouterr().out
            assert shown in printed
            if "def test_" in code:
                tests.append(names["test_the_resizes_are_those_of_pytorch"])


tests = []


def test_blocks_without_pytorch(tmp_path, monkeypatch, capsys):
    # README's command may have written its result beside them.
    for name in ("unet.mlmodel", "unet.intent.json", "unet.reference.npz"):
        shutil.copy(os.path.join(UNET, name), str(tmp_path))
    before = set(os.listdir(str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    run({}, [heading for heading in HEADINGS if heading not in TORCH], capsys)
    written = {"report.html", "report.md", "report.json"}
    written |= {"unet-fixed.mlmodel", "unet-in-memory.mlmodel"}
    assert set(os.listdir(str(tmp_path))) - before == written
    tests.pop()()  # the model that was fixed after it was defined


def test_blocks_with_pytorch(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="needs PyTorch: pip install torch")
    if not schema.knows_ios14():
        pytest.skip("coremltools 3 converts no traced models: pip install 'coremltools>=7'")
    monkeypatch.chdir(tmp_path)
    names = {}
    run(names, TORCH, capsys)
    assert sorted(os.listdir(str(tmp_path))) == ["net.intent.json", "net.mlpackage"]
    report = coreml_resize_fix.audit(names["fixed"], names["intents"], decompose=True)
    assert (report.exit_code, len(report.findings)) == (0, 1)
    (intent,) = names["intents"]
    assert (intent.mode, intent.align_corners, intent.scale_factor) == ("bicubic", True, (2.3, 2.3))


def test_every_function_and_every_error_is_told_of():
    for name in coreml_resize_fix.__all__:
        assert "`{}".format(name) in GUIDE
    rows = re.findall(r"^\| (`.*?) \| ", GUIDE, re.MULTILINE)
    told = set(re.findall(r"`(\w+)`", " ".join(rows)))
    exported = {name for name in coreml_resize_fix.__all__ if hasattr(errors, name)}
    assert exported - {"ResizeFixError"} <= told
