"""Which resizes no output depends on: `used: false` in the manifest."""

import collections
import contextlib
import dataclasses
import json
import random
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.intents import manifest  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.torch.export import exportable  # noqa: E402

F = nn.functional
MAPS = torch.rand(1, 3, 4, 6)
VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
is_followed = pytest.mark.skipif(
    VERSION < (1, 13), reason="needs PyTorch: pip install 'torch>=1.13', which shows its operators"
)
pytestmark = pytest.mark.filterwarnings("ignore")


def up(maps):
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=True)


class Script(nn.Module):
    def forward(self, maps):
        return maps * 2


class Model(nn.Module):
    """Any function of the model and its input."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.function = function
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.script, self.constant = torch.jit.script(Script()), torch.ones(1, 3, 1, 1)
        self.lstm = nn.LSTM(12, 4, batch_first=True)

    def forward(self, maps):
        return self.function(self, maps)


@dataclasses.dataclass
class Outputs:
    scores: object
    others: object = None


class Hidden:
    """Holds a tensor where nobody looks."""

    def __init__(self, value):
        self.value = [value]


Pair = collections.namedtuple("Pair", "first second")
CASES = {}


def case(*used):
    """`used` says for each call what is written: None (left out) or False."""

    def add(function):
        CASES[function.__name__] = (function, list(used))
        return function

    return add


@case(None, False)
def a_head_that_is_dropped(m, x):
    result = collections.OrderedDict(out=up(x))
    result["aux"] = m.conv(up(m.conv(x)))
    return result["out"]


@case(False, None)
def the_first_is_dropped(m, x):
    up(m.conv(x))
    return up(x)


@case(False, False, None)
def a_chain_is_dropped(m, x):
    up(up(x))
    return up(x)


@case(None, None)
def a_chain_is_used(m, x):
    return up(m.norm(up(x)))


@case(None, None)
def all_of_a_dictionary(m, x):
    return collections.OrderedDict(out=up(x), aux=up(m.conv(x)))


@case(None, False)
def a_dataclass(m, x):
    kept = up(x)
    up(x)
    return Outputs([kept], {"size": (8, 12), "name": "scores"})


@case(None, None)
def inside_of_containers(m, x):
    return Pair(Outputs(up(x)), {"k": [(up(x),)]})


@case(None, None)
def whole_numbers(m, x):
    return up(x).argmax(1), up(x) > 0.5


@case(None, None)
def detached(m, x):
    return m.conv(up(x)) + up(x).detach()


@case(None, None)
def a_mask(m, x):
    return up(x) * (up(x) > 0.5)


@case(None, None)
def in_place(m, x):
    kept, other = up(x), up(x)
    kept[:, 0].add_(other[:, 1])
    return kept


@case(None, None)
def into_a_view_of_what_was_made_before(m, x):
    canvas = torch.zeros(1, 3, 8, 12)
    canvas[:, :2].copy_(up(x)[:, :2])
    return canvas, up(x)


@case(None, None)
def through_statistics(m, x):
    m.norm.train()
    m.norm(up(x))
    m.norm.eval()
    return m.norm(up(x))


@case(None, None)
def by_its_data(m, x):
    holder = torch.zeros(1)
    holder.data = up(x).detach()
    return holder + up(x)


@case(None, None)
def through_an_attribute(m, x):
    m.kept = up(x)
    return m.kept + up(x)


@case(False, None)
def kept_by_the_model_and_not_returned(m, x):
    m.kept = up(x)
    return up(x)


@case(False, None)
def only_its_size_is_used(m, x):
    return F.interpolate(x, size=up(x).shape[2:])


@case(None, None)
def a_number_steers_a_branch(m, x):
    kept = up(x)
    return kept if up(x).mean() > 9 else kept * 2


@case(None, None)
def a_number_is_a_factor(m, x):
    return up(x) * up(x).mean().item()


@case(None, None)
def a_number_by_numpy(m, x):
    return up(x) * float(np.asarray(up(x).detach()).mean())


@case(None, None)
def a_number_by_a_list(m, x):
    return up(x) * up(x)[0, 0, 0].tolist()[0]


@case(None, None)
def an_array_that_comes_back(m, x):
    return up(x) + torch.from_numpy(up(x).detach().numpy() * 2)


@case(None, None)
def an_array_is_returned(m, x):
    return up(x), up(x).detach().numpy()


@case(None, None)
def a_count(m, x):
    return up(x) * len((up(x) > 0.5).nonzero())


@case(None, None)
def by_another_thread(m, x):
    kept, other, made = up(x), up(x), []
    thread = threading.Thread(target=lambda: made.append(other.detach() * 2))
    thread.start()
    thread.join()
    return kept + made[0]


@case(None, None)
def where_nobody_looks(m, x):
    return up(x), Hidden(up(x))


@case(None, None)
def nothing_is_returned(m, x):
    up(x)
    m.kept = up(x)


@case(None, False)
def constants_are_no_results(m, x):
    kept = up(x)
    up(x)
    return kept * torch.tensor([2.0]) + m.constant + torch.zeros(1)


@case(None, False, None)
def through_a_script_and_a_recurrent_layer(m, x):
    kept = m.script(up(x))
    m.script(up(x))
    return kept.sum() + m.lstm(up(x)[:, 0])[0]


def by_example(model):
    return record_intents(model, MAPS)


def with_tensors(model):
    return record_intents(model, MAPS, tensors=True)


def in_block(model, context=contextlib.ExitStack, block=record_intents):
    with context(), block(model) as intents:
        model(MAPS)
    return intents


def without_gradients(model):
    return in_block(model, torch.no_grad)


def in_inference_mode(model):
    return in_block(model, torch.inference_mode)


def frozen(model):
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return in_block(model)


def made_exportable(model):
    return in_block(model, block=exportable)


RUNS = [by_example, with_tensors, in_block, without_gradients, in_inference_mode, frozen]


@is_followed
@pytest.mark.parametrize("run", [*RUNS, made_exportable])
@pytest.mark.parametrize("name", sorted(CASES))
def test_only_what_no_output_depends_on_is_unused(name, run):
    function, used = CASES[name]
    assert [intent.used for intent in run(Model(function).eval())] == used


@pytest.mark.skipif(VERSION >= (1, 13), reason="newer ones show their operators")
@pytest.mark.parametrize("run", [by_example, in_block, made_exportable])
def test_an_older_pytorch_does_not_say(run):
    assert {i.used for i in run(Model(a_head_that_is_dropped).eval())} == {None}


@is_followed
@pytest.mark.parametrize("block", [record_intents, exportable])
def test_a_traced_run_says_it_too(block):
    model = Model(a_head_that_is_dropped).eval()
    with block(model) as intents:
        torch.jit.trace(model, MAPS, check_trace=False)
    assert [i.used for i in intents] == [None, False]


@is_followed
@pytest.mark.parametrize(("outer", "inner"), [(record_intents, exportable), (exportable,) * 2])
def test_a_recorder_around_another_says_the_same(outer, inner):
    model = Model(a_head_that_is_dropped).eval()
    with outer(model) as first, inner(model) as second:
        model(MAPS)
    assert [i.used for i in first] == [i.used for i in second] == [None, False]


@is_followed
def test_what_a_later_hook_returns_is_not_known():
    model = Model(a_head_that_is_dropped).eval()
    with record_intents(model) as intents:
        model.register_forward_hook(lambda module, inputs, result: result)
        model(MAPS)
    assert [i.used for i in intents] == [None, None]


@is_followed
def test_after_a_run_that_failed_nothing_is_said():
    model = Model(lambda m, x: a_head_that_is_dropped(m, x[:, :3]) + x.shape[1]).eval()
    with record_intents(model) as intents:
        with pytest.raises(RuntimeError):
            model(MAPS[:, :2])
        model(MAPS)
        model(MAPS)
    assert {i.used for i in intents} == {None}


@is_followed
def test_the_key_is_written_only_where_it_is_false(tmp_path):
    path = str(tmp_path / "intent.json")
    record_intents(Model(a_head_that_is_dropped), MAPS).save(path)
    with open(path, encoding="utf-8") as file:
        resizes = json.load(file)["resizes"]
    assert ["used" in entry for entry in resizes] == [False, True]
    assert resizes[1]["used"] is False
    assert [i.used for i in manifest.load(path)] == [None, False]


def graph(seed):
    """Steps (kind, sources) on numbered tensors, of which 0 is the input, and the outputs."""
    dice, steps = random.Random(seed), []
    for _ in range(dice.randint(2, 12)):
        kind = dice.choice(["up", "up", "relu", "add", "mul", "inplace", "view", "detach", "max"])
        count = 2 if kind in ("add", "mul", "inplace") else 1
        steps.append((kind, [dice.randint(0, len(steps)) for _ in range(count)]))
    return steps, dice.sample(range(len(steps) + 1), dice.randint(1, min(3, len(steps))))


def reached(steps, outputs):
    """For each "up", whether an output depends on it; tensors that share memory go together."""
    memory, depends, ups = [0], {0: set()}, []
    for kind, sources in steps:
        made = len(memory)
        place = memory[sources[0]] if kind in ("inplace", "view", "detach") else made
        memory.append(place)
        found = set().union(*(depends[memory[source]] for source in sources))
        if kind == "up":
            found.add(made)
            ups.append(made)
        depends[place] = depends.get(place, set()) | found
    used = set().union(*(depends[memory[output]] for output in outputs))
    return [None if made in used else False for made in ups]


class Graph(nn.Module):
    def __init__(self, steps, outputs):
        super().__init__()
        self.steps, self.outputs = steps, outputs

    def forward(self, maps):
        made = [maps.clone()]
        for kind, sources in self.steps:
            first, last = made[sources[0]], made[sources[-1]]
            if kind == "up":
                made.append(F.interpolate(first, size=(8, 8), mode="bilinear"))
            elif kind == "relu":
                made.append(F.relu(first))
            elif kind == "add":
                made.append(first + last)
            elif kind == "mul":
                made.append(first * (last > 0))
            elif kind == "inplace":
                made.append(first.add_(last.clone()))
            elif kind == "view":
                made.append(first.view(1, 2, 8, 8))
            elif kind == "detach":
                made.append(first.detach())
            else:
                made.append(torch.cummax(first, 3)[0])
        return [made[output] for output in self.outputs]


@is_followed
def test_random_graphs_are_followed():
    unused = 0
    for seed in range(200):
        steps, outputs = graph(seed)
        expected = reached(steps, outputs)
        found = [i.used for i in record_intents(Graph(steps, outputs), torch.rand(1, 2, 8, 8))]
        assert found == expected, (seed, steps, outputs)
        unused += expected.count(False)
    assert unused > 50
