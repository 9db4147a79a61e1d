"""Export with PyTorch, read the file, and compare with the call that was exported."""

import importlib.util
import warnings

import numpy as np
import onnx  # noqa: F401 (before torch, else PyTorch 1.4 costs a child process in every test)
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.conventions import torch as dialect  # noqa: E402
from coreml_resize_fix.intents.onnx import reader  # noqa: E402
from coreml_resize_fix.sampling import difference  # noqa: E402
from coreml_resize_fix.sampling.reference import matrix  # noqa: E402
from tests.intents.onnx.exporting import OPSETS, VERSION, Call, export  # noqa: E402
from tests.support.process import start  # noqa: E402

BEFORE = (10, 7)
BILINEAR, BICUBIC, NEAREST = {"mode": "bilinear"}, {"mode": "bicubic"}, {"mode": "nearest"}
TRUE, FALSE = {"align_corners": True}, {"align_corners": False}
HAS_RECOMPUTE = VERSION >= (1, 5)
# Without scale_factor as the step: PyTorch 1.4 writes every call by size.
BY_FACTOR = VERSION >= (1, 6)


def calls():
    for mode in (BILINEAR, BICUBIC):
        for align in (TRUE, FALSE):
            for size in ((20, 14), (25, 31), (5, 3), (1, 1), (10, 7), (1, 5)):
                yield dict(mode, size=size, **align)
            for factor in (2, 1.5, 0.5, 1.3, 0.29, 1 / 3):
                yield dict(mode, scale_factor=factor, **align)
            yield dict(mode, scale_factor=(2, 1.05), **align)
    for given in ({"size": (25, 31)}, {"scale_factor": 2}, {"scale_factor": 1.3}):
        yield dict(NEAREST, **given)
    for recompute in (True, False) if HAS_RECOMPUTE else ():
        yield dict(BILINEAR, scale_factor=1.5, recompute_scale_factor=recompute, **FALSE)


def read_back(arguments, opset, tmp_path, **options):
    x = torch.from_numpy(np.random.RandomState(0).rand(1, 2, *BEFORE).astype(np.float32))
    model = Call(**arguments)
    path = export(model, x, tmp_path / "model.onnx", opset, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = model(x).numpy()
    intents, notices = reader.load(path)
    return x.numpy(), y, intents, notices


def agrees(intent, x, y, arguments):
    """The intent has the mode, the sizes, the exact grid of PyTorch's call, and its values."""
    after = y.shape[2:]
    factors = arguments.get("scale_factor")
    factors = factors if isinstance(factors, tuple) else (factors, factors)
    axes = intent.axes(BEFORE, after)
    true = [
        dialect.axis(
            arguments["mode"],
            arguments.get("align_corners"),
            arguments.get("antialias", False),
            *pair,
            scale_factor=factor,
            recompute_scale_factor=arguments.get("recompute_scale_factor"),
            version=VERSION,
        )
        for *pair, factor in zip(BEFORE, after, factors)
    ]
    assert intent.framework == "torch"
    assert intent.mode == arguments["mode"]
    assert intent.align_corners == bool(arguments.get("align_corners"))
    assert (intent.input_size, intent.output_size, intent.channels) == (BEFORE, after, 2)
    assert intent.target_size(BEFORE) == after
    assert all(difference(*pair).equal for pair in zip(true, axes))
    rows, columns = (matrix(axis) for axis in axes)
    assert np.abs(rows @ x @ columns.T - y).max() < 1e-4


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("arguments", list(calls()), ids=str)
def test_reads_what_was_exported(arguments, opset, tmp_path):
    x, y, intents, notices = read_back(arguments, opset, tmp_path)
    assert notices == []
    assert len(intents) == 1
    agrees(intents[0], x, y, arguments)
    by_factor = BY_FACTOR and not arguments.get("recompute_scale_factor")
    given = "scale_factor" if by_factor and "scale_factor" in arguments else "size"
    assert getattr(intents[0], given) is not None


@pytest.mark.parametrize("opset", [9, 10])
@pytest.mark.parametrize(
    "given", [{"size": (20, 21)}, {"size": (25, 31)}, {"size": (5, 3)}], ids=str
)
def test_nearest_of_early_opsets(given, opset, tmp_path):
    x, y, intents, notices = read_back(dict(NEAREST, **given), opset, tmp_path)
    assert notices == []
    agrees(intents[0], x, y, dict(NEAREST, **given))


@pytest.mark.parametrize("opset", [9, 10])
def test_bilinear_of_early_opsets(opset, tmp_path):
    """The exporter refuses True there; whoever changed it to False for it knows the truth."""
    _, _, intents, notices = read_back(dict(BILINEAR, size=(20, 14), **FALSE), opset, tmp_path)
    assert intents == []
    assert "which cannot say whether PyTorch used align_corners" in notices[0]


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.up = Call(size=(6, 6), mode="bilinear", align_corners=True)

    def forward(self, x):
        return torch.relu(self.up(x))


class Named(torch.nn.Module):
    """A resize in nested modules, in a list, in no module, and a module that runs twice."""

    def __init__(self):
        super().__init__()
        self.decoder = torch.nn.ModuleList([Block()])
        self.head = torch.nn.Sequential(torch.nn.ReLU(), Call(size=(7, 7), **NEAREST))
        self.twice = Call(size=(8, 8), **NEAREST)

    def forward(self, x):
        x = self.head(self.decoder[0](x))
        x = torch.nn.functional.interpolate(self.twice(x), size=(9, 9))
        return torch.relu(self.twice(torch.relu(x)))


@pytest.mark.skipif(VERSION >= (1, 13), reason="modules name the nodes from PyTorch 1.13 on")
def test_numbers_are_no_names(tmp_path):
    path = export(Named(), torch.rand(1, 1, 5, 5), tmp_path / "model.onnx", 11)
    assert [intent.name for intent in reader.load(path).intents] == [None] * 5


@pytest.mark.skipif(VERSION < (1, 13), reason="modules name the nodes from PyTorch 1.13 on")
@pytest.mark.parametrize("opset", OPSETS)
def test_names_are_module_paths(opset, tmp_path):
    path = export(Named(), torch.rand(1, 1, 5, 5), tmp_path / "model.onnx", opset)
    names = [intent.name for intent in reader.load(path).intents]
    assert names == ["decoder.0.up", "head.1", "twice", None, "twice_1"]


def test_output_names_are_names(tmp_path):
    call = Call(size=(6, 6), **NEAREST)
    path = export(call, torch.rand(1, 1, 5, 5), tmp_path / "a.onnx", 11, output_names=["mask"])
    assert reader.load(path).intents[0].name == "mask"
    path = export(call, torch.rand(1, 1, 5, 5), tmp_path / "b.onnx", 11)
    assert reader.load(path).intents[0].name is None


def test_dynamic_axes(tmp_path):
    """A flexible export: factors are kept, sizes taken from another tensor are not in the file."""

    class Flexible(torch.nn.Module):
        def forward(self, x):
            y = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", **TRUE)
            size = y.shape[2:]
            return y + torch.nn.functional.interpolate(x, size=size, mode="bilinear", **TRUE)

    axes = {"x": {2: "h", 3: "w"}}
    options = {"input_names": ["x"], "dynamic_axes": axes}
    path = export(Flexible(), torch.rand(1, 2, 5, 6), tmp_path / "model.onnx", 11, **options)
    first, second = reader.load(path).intents
    assert first.align_corners
    assert second.align_corners
    assert first.scale_factor == ((2.0, 2.0) if BY_FACTOR else None)
    assert (first.input_size, second.size) == (None, None)
    assert first.channels == 2


def test_pytorch_that_was_imported_first(tmp_path):
    """PyTorch 1.4 makes the onnx package's shape inference end the process, without a word."""
    path = export(Call(size=(6, 6), **NEAREST), torch.rand(1, 1, 5, 5), tmp_path / "m.onnx", 11)
    code = (
        "import torch, sys; from coreml_resize_fix.intents.onnx import reader;"
        "print(reader.load(sys.argv[1]).intents[0].input_size)"
    )
    assert start(code, path).stdout == "(5, 5)\n"


needs_dynamo = pytest.mark.skipif(
    VERSION < (2, 6) or importlib.util.find_spec("onnxscript") is None,
    reason="needs PyTorch 2.6 and onnxscript: pip install onnxscript",
)


def is_dropped(arguments):
    """torch.export writes no bicubic resize to the same size."""
    return arguments["mode"] == "bicubic" and arguments.get("size") == BEFORE


WRITTEN = [arguments for arguments in calls() if not is_dropped(arguments)]


class Calls(torch.nn.Module):
    """All of them, each of an image of its own, since equal results would be merged.

    An export takes a second, however many calls there are.
    """

    def __init__(self):
        super().__init__()
        self.calls = torch.nn.ModuleList(Call(**arguments) for arguments in WRITTEN)

    def forward(self, x):
        return tuple(call(x + number / 64) for number, call in enumerate(self.calls))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    x = torch.from_numpy(np.random.RandomState(0).rand(1, 2, *BEFORE).astype(np.float32))
    model = Calls()
    path = export(model, x, tmp_path_factory.mktemp("calls") / "m.onnx", 18, dynamo=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [y.numpy() for y in model(x)]
    intents, notices = reader.load(path)
    assert (len(intents), notices) == (len(WRITTEN), [])
    return x.numpy(), made, intents


@needs_dynamo
@pytest.mark.parametrize("number", range(len(WRITTEN)), ids=lambda number: str(WRITTEN[number]))
def test_torch_export(number, exported):
    x, made, intents = exported
    agrees(intents[number], x + np.float32(number / 64), made[number], WRITTEN[number])


@needs_dynamo
@pytest.mark.parametrize("mode", [BILINEAR, BICUBIC])
@pytest.mark.parametrize("align", [TRUE, FALSE])
def test_torch_export_with_antialias(mode, align, tmp_path):
    """It writes every antialiased call by size, so the file does not tell a factor."""
    arguments = dict(mode, size=(4, 3), antialias=True, **align)
    x, y, intents, notices = read_back(arguments, 18, tmp_path, dynamo=True)
    agrees(intents[0], x, y, arguments)
    assert len(notices) == 1
    assert "scale_factor" in notices[0]


@needs_dynamo
def test_torch_export_names(tmp_path):
    path = export(Named(), torch.rand(1, 1, 5, 5), tmp_path / "model.onnx", 18, dynamo=True)
    names = [intent.name for intent in reader.load(path).intents]
    assert names == ["decoder.0.up", "head.1", "twice", "upsample_nearest2d_2", "twice"]
