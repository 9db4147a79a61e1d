"""Where a call stands: the file and line of the user's code, without folders."""

import json

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.intents import manifest  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.torch.export import exportable  # noqa: E402

MAPS = torch.rand(1, 3, 4, 6)
VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])

CODE = """\
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import interpolate


def twice(maps):
    return F.interpolate(maps, scale_factor=2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Upsample(scale_factor=2)
        self.both = nn.Sequential(nn.Upsample(scale_factor=2), nn.ReLU())

    def forward(self, maps):
        maps = self.up(twice(maps))
        maps = self.both(interpolate(maps, (4, 6)))
        return F.upsample(maps, size=(7, 9))
"""
NAMES = [None, "up", None, "both.0", None]
SITES = ["net.py:8", None, "net.py:19", None, "net.py:20"]


def load(folder, code=CODE):
    path = folder / "net.py"
    path.write_text(code, encoding="utf-8")
    names = {}
    exec(compile(code, str(path), "exec"), names)
    return names["Net"]()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", [record_intents, exportable])
def test_functional_calls_have_the_place_of_the_call_and_modules_their_path(tmp_path, block):
    model = load(tmp_path)
    for run in (model, lambda maps: torch.jit.trace(model, maps, check_trace=False)):
        with block(model) as intents:
            run(MAPS)
        assert [(i.name, i.site) for i in intents] == list(zip(NAMES, SITES))


@pytest.mark.filterwarnings("ignore")
def test_sites_are_saved_and_left_out_where_there_is_none(tmp_path):
    path = str(tmp_path / "intent.json")
    record_intents(load(tmp_path), MAPS).save(path)
    with open(path, encoding="utf-8") as file:
        found = [entry.get("site", "none") for entry in json.load(file)["resizes"]]
    assert found == [site or "none" for site in SITES]
    assert [intent.site for intent in manifest.load(path)] == SITES


@pytest.mark.filterwarnings("ignore:.?nn.functional.upsample.? is deprecated")
def test_code_in_no_file_has_no_place():
    names = {}
    exec(CODE, names)
    assert record_intents(names["Net"](), MAPS)[0].site is None


@pytest.mark.skipif(VERSION < (1, 13), reason="needs PyTorch: pip install 'torch>=1.13'")
def test_a_bare_operator_has_a_place_and_the_inside_of_a_script_has_none(tmp_path):
    code = CODE + (
        "\n\nclass Bare(nn.Module):\n    def forward(self, maps):\n"
        "        return torch.ops.aten.upsample_nearest2d(maps, [8, 12])\n\n\nNet = Bare\n"
    )
    assert record_intents(load(tmp_path, code), MAPS)[0].site == "net.py:25"
    script = nn.Sequential(torch.jit.script(nn.Upsample(scale_factor=2.0)))
    assert [i.site for i in record_intents(script, MAPS)] == [None]
