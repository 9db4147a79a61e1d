"""Several examples: what each call made of each, and runs that do not fit together."""

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from torch import nn  # noqa: E402

from coreml_resize_fix.errors import UsageError  # noqa: E402
from coreml_resize_fix.intents.record import record_intents  # noqa: E402
from coreml_resize_fix.intents.size_law import Kind  # noqa: E402
from coreml_resize_fix.intents.torch import compiled  # noqa: E402

F = nn.functional


def images(*sizes):
    return [torch.rand(1, 3, *size) for size in sizes]


class Laws(nn.Module):
    """A factor, the size of a skip, a constant, and a table that is brought to the input's size."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 2, 3, 2, 1)
        self.register_buffer("table", torch.rand(1, 2, 4, 5))

    def forward(self, x):
        small = self.down(x)
        double = F.interpolate(small, size=(2 * small.shape[2], 2 * small.shape[3]))
        skip = F.interpolate(small, size=x.shape[2:], mode="bilinear", align_corners=True)
        fixed = F.interpolate(small, size=(5, 7), mode="bilinear", align_corners=False)
        table = F.interpolate(self.table * 2, size=x.shape[2:])
        return double, skip, fixed, table + x[:, :2]


def test_each_call_has_the_sizes_of_all_examples():
    intents = record_intents(Laws(), images((9, 12), (10, 15), (12, 12)), tensors=True)
    double, skip, fixed, table = intents
    assert double.sizes == (((5, 6), (10, 12)), ((5, 8), (10, 16)), ((6, 6), (12, 12)))
    assert [intent.law.kind for intent in intents] == [
        Kind.FACTOR, Kind.OTHER, Kind.CONSTANT, Kind.OTHER
    ]  # fmt: skip
    assert (skip.size, fixed.size, table.input_size) == ((9, 12), (5, 7), (4, 5))
    assert {index: pair.input.shape[2:] for index, pair in intents.tensors.items()} == {
        0: (5, 6), 1: (5, 6), 2: (5, 6), 3: (4, 5)
    }  # fmt: skip
    assert not intents.notices


def test_what_does_not_depend_on_the_inputs_is_marked():
    intents = record_intents(Laws(), images((9, 12), (10, 15)))
    known = True if compiled.can_watch() else None
    assert [intent.input_is_parameter for intent in intents] == [None, None, None, known]


class Read(nn.Module):
    """A parameter that is scaled by a number of the input."""

    def __init__(self, made):
        super().__init__()
        self.table, self.made = nn.Parameter(torch.rand(1, 3, 4, 4)), made

    def forward(self, x):
        return F.interpolate(self.made(self.table, x), scale_factor=2)


@pytest.mark.parametrize(
    "made",
    [
        lambda table, x: table * x.mean(),
        lambda table, x: table * float(x.mean()),
        lambda table, x: torch.zeros(1, 3, 4, 4).copy_(x[..., :4, :4]),
    ],
)
def test_what_an_input_decides_is_no_parameter(made):
    (intent,) = record_intents(Read(made), *images((4, 4)))
    assert intent.input_is_parameter is None


def test_a_list_is_several_examples_and_a_tuple_the_arguments_of_one():
    class Two(nn.Module):
        def forward(self, x, y):
            return F.interpolate(x, size=y.shape[2:])

    first, second, third, fourth = images((4, 4), (8, 9), (5, 4), (8, 8))
    (intent,) = record_intents(Two(), [(first, second), (third, fourth)])
    assert intent.sizes == (((4, 4), (8, 9)), ((5, 4), (8, 8)))
    (alone,) = record_intents(Two(), [(first, second)])
    assert alone.sizes is None
    with pytest.raises(UsageError, match="list of examples is empty"):
        record_intents(Two(), [])


class Other(nn.Module):
    """Another control flow for larger inputs."""

    def __init__(self, large):
        super().__init__()
        self.large = large

    def forward(self, x):
        y = F.interpolate(x, scale_factor=2, mode="nearest")
        return self.large(y) if x.shape[2] > 8 else y


@pytest.mark.parametrize(
    ("large", "message"),
    [
        (lambda y: F.interpolate(y, scale_factor=2), "it makes 2 resizes instead of 1"),
        (lambda y: y, None),
    ],
)
def test_runs_with_other_calls_are_refused(large, message):
    model = Other(large)
    if message is None:
        assert len(record_intents(model, images((8, 8), (9, 9)))) == 1
        return
    with pytest.raises(UsageError, match="otherwise with example 2") as caught:
        record_intents(model, images((8, 8), (9, 9)))
    assert message in str(caught.value)


def test_a_factor_that_follows_the_input_is_refused():
    class Table(nn.Module):
        def forward(self, x):
            return F.interpolate(x, scale_factor=32 / x.shape[2])

    with pytest.raises(UsageError, match=r"the scale_factor of .* is \(4.0, 4.0\), and was"):
        record_intents(Table(), images((16, 16), (8, 8)))
