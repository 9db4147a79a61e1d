"""`tensors=True` keeps what the whole network gets and gives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.source import Manifest  # noqa: E402

F = nn.functional
MAPS = torch.arange(24.0).reshape(1, 2, 3, 4)


class Mixed(nn.Module):
    """Arguments by place and by name, and results in dictionaries and tuples."""

    def forward(self, image, pair, factor=2, *rest, extra=None):
        larger = F.interpolate(image, scale_factor=factor, mode="nearest")
        image.add_(100)  # what was given is changed afterwards
        results = {"out": larger, "aux": (pair[0] + 1, [pair[1].double()])}
        return results, extra - 1, [rest[0]]


class Pair(nn.Module):
    def forward(self, x):
        larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return larger, (x + 1, torch.relu(x - 3))


def same(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert np.array_equal(found[name], array)


def test_names_are_those_of_arguments_and_keys_in_their_order():
    model, image = Mixed(), MAPS.clone()
    one, other = torch.tensor([1.5]), torch.tensor([[3, 4]])
    with record_intents(model, tensors=True) as intents:
        model(image, (one, other), 2, torch.tensor([True]), extra=torch.ones(1, 2))
    given, made = intents.network
    maps = MAPS.numpy()
    same(
        given,
        {
            "image": maps,
            "pair_0": np.float32([1.5]),
            "pair_1": np.int64([[3, 4]]),
            "rest_0": np.array([True]),
            "extra": np.ones((1, 2), np.float32),
        },
    )
    assert given["pair_1"].dtype == np.int64
    larger = maps.repeat(2, axis=-1).repeat(2, axis=-2)
    same(
        made,
        {
            "out": larger,
            "aux_0": np.float32([2.5]),
            "aux_1": np.float32([[3, 4]]),
            "3": np.zeros((1, 2), np.float32),
            "4": np.array([True]),
        },
    )
    assert made["aux_1"].dtype == np.float32


def test_they_are_saved_in_order_and_loaded_again(tmp_path):
    intents = record_intents(Pair(), MAPS, tensors=True)
    path = str(tmp_path / "intent.json")
    intents.save(path)
    with np.load(str(tmp_path / "intent.npz")) as arrays:
        names = [name for name in arrays.files if not name.startswith("interp")]
        assert names == ["input_x", "output_0", "output_1", "output_2"]
        assert np.array_equal(arrays["output_1"], MAPS.numpy() + 1)
    again = str(tmp_path / "again.json")
    Manifest.load(path).save(again)
    same(Manifest.load(again).network_tensors().outputs, intents.network.outputs)


def test_without_tensors_nothing_is_kept(tmp_path):
    intents = record_intents(Pair(), MAPS)
    assert intents.network is None
    intents.save(str(tmp_path / "intent.json"))
    assert not (tmp_path / "intent.npz").exists()


def exports():
    yield "trace", lambda model: torch.jit.trace(model, MAPS)
    if hasattr(torch.onnx, "export"):
        import io

        options = {"dynamo": False} if hasattr(torch, "export") else {}
        yield (
            "onnx",
            lambda model: torch.onnx.export(
                model, (MAPS,), io.BytesIO(), opset_version=11, **options
            ),
        )


@pytest.mark.parametrize(("name", "export"), list(exports()))
@pytest.mark.filterwarnings("ignore")
def test_inside_of_an_export_the_values_are_numbers(name, export):
    model = Pair()
    expected = record_intents(model, MAPS, tensors=True).network
    with record_intents(model, tensors=True) as intents:
        export(model)
    assert all(type(array) is np.ndarray for half in intents.network for array in half.values())
    same(intents.network.inputs, expected.inputs)
    same(intents.network.outputs, expected.outputs)


@pytest.mark.filterwarnings("ignore")
def test_a_trace_is_the_same_inside():
    model = Pair()
    with record_intents(model, tensors=True):
        inside = torch.jit.trace(model, MAPS)
    outside = torch.jit.trace(model, MAPS)

    def kinds(traced):
        return [node.kind() for node in traced.graph.nodes()]

    assert kinds(inside) == kinds(outside)


@pytest.mark.filterwarnings("ignore")
def test_a_run_without_values_keeps_none():
    if not hasattr(torch, "export"):
        pytest.skip("this PyTorch has no torch.export")
    model = Pair()
    with record_intents(model, tensors=True) as intents:
        torch.export.export(model, (MAPS,))
    assert intents.network is None
    assert any("no tensors are kept" in notice for notice in intents.notices)


@pytest.mark.filterwarnings("ignore")
def test_a_traced_model_is_recorded_when_it_is_run_for_an_example():
    traced = torch.jit.trace(Pair(), MAPS)
    network = record_intents(traced, MAPS, tensors=True).network
    assert [list(half) for half in network][1] == ["0", "1", "2"]
    assert np.array_equal(next(iter(network.inputs.values())), MAPS.numpy())


@pytest.mark.filterwarnings("ignore")
def test_of_several_runs_the_first_is_kept():
    model = Pair()
    with record_intents(model, tensors=True) as intents:
        model(MAPS)
        model(MAPS + 1)
    assert np.array_equal(intents.network.inputs["x"], MAPS.numpy())
