"""What a recording holds, when it is made, and that nothing stays behind."""

import json
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.errors import UsageError  # noqa: E402
from coreml_resize_fix.intents import manifest, tensors  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from tests.fixtures import networks  # noqa: E402
from tests.support import cases, process  # noqa: E402

F = nn.functional
MAPS = torch.rand(1, 3, 4, 6)


def double(maps):
    return F.interpolate(maps, scale_factor=2, mode="nearest")


class Double(nn.Module):
    def forward(self, maps):
        return double(maps)


class Fallback(nn.Module):
    """A model that survives the failure of a part."""

    def __init__(self):
        super().__init__()
        self.part = nn.Sequential(Double(), nn.Conv2d(5, 1, 1))
        self.up = Double()

    def forward(self, maps):
        try:
            return self.part(maps)
        except RuntimeError:
            return self.up(double(maps))


@pytest.mark.parametrize("name", sorted(networks.NETWORKS))
def test_the_networks_of_the_fixtures_are_recorded_as_they_were_called(name):
    network = networks.NETWORKS[name]
    if name == "antialias_down" and "antialias" not in F.interpolate.__code__.co_varnames:
        pytest.skip("this PyTorch has no `antialias`")
    model, maps = networks.build(name), networks.sample_input(network.input_shape)
    truth = networks.record(model, maps)
    intents = record_intents(model, maps, tensors=True)
    expected = {
        "producer": {"framework": "torch", "version": torch.__version__},
        "resizes": [cases.resize(call) for call in truth.calls],
    }
    assert list(intents) == manifest.parse(json.dumps(expected))
    assert len(intents) > 0
    for index, (given, made) in intents.tensors.items():
        assert np.array_equal(given, truth.tensors["interp{}_in".format(index)])
        assert np.array_equal(made, truth.tensors["interp{}_out".format(index)])
    assert sorted(intents.tensors) == list(range(len(intents)))


def test_a_recording_is_saved_and_loads_again(tmp_path):
    path = str(tmp_path / "intent.json")
    intents = record_intents(networks.build("frac_size"), torch.rand(1, 3, 10, 12), tensors=True)
    intents.save(path)
    assert manifest.load(path) == list(intents)
    document = cases.read_json(path)
    assert document["producer"] == {"framework": "torch", "version": torch.__version__}
    (resize,) = document["resizes"]
    assert (resize["name"], resize["size"], resize["align_corners"]) == ("up1", [25, 31], True)
    (pair,) = tensors.load(path, 1).values()
    assert pair.input.shape == (1, 2, 10, 12)
    assert np.array_equal(pair.output, intents.tensors[0].output)


def test_without_tensors_no_file_is_written_beside(tmp_path):
    record_intents(Double(), MAPS).save(str(tmp_path / "intent.json"))
    assert [path.name for path in tmp_path.iterdir()] == ["intent.json"]


def test_tensors_are_kept_as_they_were_before_later_steps_in_place():
    model = nn.Sequential(Double(), nn.ReLU(inplace=True))
    (pair,) = record_intents(model, -MAPS, tensors=True).tensors.values()
    assert np.array_equal(pair.output, double(-MAPS).numpy())


def test_names_are_module_paths_in_order_and_repeats_are_kept():
    shared = Double()
    model = nn.Sequential(shared, nn.Sequential(shared, Double()), nn.Conv2d(3, 3, 1))
    intents = record_intents(model, MAPS)
    assert [(i.index, i.name, i.output_size) for i in intents] == [
        (0, "0", (8, 12)),
        (1, "0", (16, 24)),
        (2, "1.1", (32, 48)),
    ]


class Hides(nn.Module):
    """A module that keeps a part where PyTorch does not find it."""

    def __init__(self):
        super().__init__()
        self.hidden = [Double()]
        self.had_gradients = None

    def forward(self, maps):
        self.had_gradients = torch.is_grad_enabled()
        return self.hidden[0](maps)


def test_a_module_without_a_path_counts_as_the_one_around_it():
    assert [i.name for i in record_intents(nn.Sequential(Hides()), MAPS)] == ["0"]


def test_the_single_run_is_without_gradients():
    model = Hides()
    record_intents(model, MAPS)
    assert model.had_gradients is False


def test_a_failure_that_the_model_catches_does_not_shift_the_paths():
    intents = record_intents(Fallback(), MAPS)
    assert [i.name for i in intents] == ["part.0", None, "up"]


def is_untouched(model):
    hooks = [module._forward_pre_hooks or module._forward_hooks for module in model.modules()]
    return F.interpolate.__code__.co_name == "interpolate" and not any(hooks)


def test_an_exception_leaves_everything_as_it_was():
    model, code = Double(), F.interpolate.__code__

    def fail():
        with record_intents(model) as intents:
            model(MAPS)
            assert not is_untouched(model)
            assert len(intents) == 1
            raise KeyError("of the caller")

    with pytest.raises(KeyError):
        fail()
    with pytest.raises(ValueError, match="either size or scale_factor should be defined"):
        record_intents(nn.Upsample(), MAPS)
    assert F.interpolate.__code__ is code
    assert is_untouched(model)


def test_a_wrong_call_fails_as_it_does_without_a_recorder():
    def message(call):
        with pytest.raises(TypeError) as caught:
            call()
        return str(caught.value)

    expected = message(F.interpolate)
    model = Double()
    with record_intents(model):
        assert message(F.interpolate) == expected
        model(MAPS)


def test_recorders_inside_each_other_each_see_every_call():
    model = nn.Sequential(Double(), Double())
    with record_intents(model) as outer:
        with record_intents(model) as inner:
            model(MAPS)
        assert not is_untouched(model)
    assert list(outer) == list(inner)
    assert [i.name for i in outer] == ["0", "1"]
    assert is_untouched(model)


@pytest.mark.filterwarnings("ignore:the model was not called")
def test_the_inner_of_two_equal_recorders_stops_to_listen():
    model = Double()
    with record_intents(model) as outer:
        with record_intents(model) as inner:
            pass  # both are empty lists now
        model(MAPS)
    assert (len(outer), len(inner)) == (1, 0)


def test_calls_of_other_threads_are_theirs():
    model, results = Double(), []
    with record_intents(model) as intents:
        thread = threading.Thread(target=lambda: results.append(double(MAPS)))
        thread.start()
        thread.join()
        model(MAPS)
    assert len(intents) == len(results) == 1


@pytest.mark.parametrize(
    ("run", "count", "notice"),
    [
        (lambda model: None, 0, "the model was not called inside the block"),
        (lambda model: [model(MAPS), model(MAPS)], 2, "the model ran 2 times inside the block"),
        (lambda model: double(model(MAPS)), 2, r"resizes\[1\] ran outside a call of the model"),
    ],
)
def test_a_block_that_is_not_one_run_is_noted(run, count, notice):
    model = Double()
    with pytest.warns(UserWarning, match=notice), record_intents(model) as intents:
        run(model)
    assert len(intents) == count
    assert len(intents.notices) == 1


def test_a_recorder_can_be_used_again():
    model = Double()
    recorder = record_intents(model, MAPS)
    with recorder:
        model(torch.rand(1, 3, 5, 7))
    assert [i.input_size for i in recorder] == [(5, 7)]


def test_gradients_and_more_arguments_pass_through():
    class Two(nn.Module):
        def forward(self, maps, other):
            return double(maps) + double(other)

    maps, model = MAPS.clone().requires_grad_(), Two()
    with record_intents(model) as intents:
        model(maps, MAPS).sum().backward()
    assert maps.grad.sum() == maps.numel() * 4
    assert len(intents) == len(record_intents(model, (MAPS, MAPS))) == 2


def test_only_modules_are_recorded():
    with pytest.raises(UsageError, match=r"Module or a Keras model .*, not function"):
        record_intents(double)


def test_torch_is_imported_by_use_only():
    code = """
import json, sys
import coreml_resize_fix.intents.torch.recorder, coreml_resize_fix.intents.torch.export
print(json.dumps("torch" in sys.modules))
"""
    assert process.answer(code) is False


def test_without_pytorch_the_error_says_so():
    code = (
        process.WITHOUT_TORCH
        + """
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents.record import record_intents
try:
    record_intents(None)
except UsageError as error:
    print('"' + str(error)[:34] + '"')
"""
    )
    assert process.answer(code) == "PyTorch cannot be imported here: i"
