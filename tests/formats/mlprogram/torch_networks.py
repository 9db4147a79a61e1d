"""Networks of one kind of resize each, the segmentation networks, and how they are converted."""

import contextlib
import io
import logging
import random
import warnings
from typing import Any, Callable, NamedTuple, Optional, Tuple

import coremltools as ct
import torch
from torch import nn

from tests.fixtures import make_mlprogram

F = nn.functional
TARGETS = make_mlprogram.TARGETS

# What becomes of a kind's resizes: all right as converted; wrong, and one operation mends them;
# wrong, and none does.
RIGHT, MENDED, BEYOND = "right", "mended", "beyond one operation"
REFUSED = "no operations compute it"


class Around(nn.Module):
    """A convolution before and one behind what `resize` does, a call of a functional."""

    def __init__(self, resize: Callable[..., Any], channels: int = 2) -> None:
        super().__init__()
        self.before = nn.Conv2d(3, 2, 3, padding=1)
        self.resize = resize
        self.behind = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, x):
        return self.behind(self.resize(torch.relu(self.before(x))))


class Twice(nn.Module):
    """One module that is called on two tensors."""

    def __init__(self, up: nn.Module) -> None:
        super().__init__()
        self.first, self.up = nn.Conv2d(3, 2, 3, 2, 1), up
        self.second = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x):
        return self.up(self.second(self.up(self.first(x))))


class Folded(nn.Module):
    """A constant is resized, which converters do themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)
        self.register_buffer("table", torch.rand(1, 2, 4, 5))

    def forward(self, x):
        made = F.interpolate(self.table, scale_factor=1.5, mode="bilinear", align_corners=False)
        return self.conv(x) + made


class Other(nn.Module):
    """A size that follows another tensor's, four times as large as the own one."""

    def __init__(self, mode: str, align_corners: Optional[bool]) -> None:
        super().__init__()
        self.conv, self.more = nn.Conv2d(3, 2, 4, 4), {"mode": mode}
        if align_corners is not None:
            self.more["align_corners"] = align_corners

    def forward(self, x):
        return F.interpolate(self.conv(x), size=(x.shape[2] * 2, x.shape[3] * 2), **self.more)


def scaled(factor, mode="bilinear", corners=True, **more):
    """A call by factor."""
    given = {} if mode in ("nearest", "area") else {"align_corners": corners}
    return lambda: Around(
        lambda x: F.interpolate(x, scale_factor=factor, mode=mode, **given, **more)
    )


def sized(size, mode="bilinear", corners=True, **more):
    """A call by size."""
    given = {} if mode in ("nearest", "area") else {"align_corners": corners}
    return lambda: Around(lambda x: F.interpolate(x, size=size, mode=mode, **given, **more))


def dead():
    """A call whose result nothing reads, before one that counts."""

    def resize(x):
        F.interpolate(x, size=(5, 4), mode="bilinear", align_corners=True)
        return F.interpolate(x, size=(20, 13), mode="bilinear", align_corners=False)

    return Around(resize)


def identity():
    """A call that keeps the size, before one that does not."""

    def resize(x):
        x = F.interpolate(x, size=x.shape[2:], mode="bilinear", align_corners=False)
        return F.interpolate(torch.relu(x), scale_factor=2, mode="nearest")

    return Around(resize)


def equal():
    """Two equal calls of one tensor, and one of another grid."""

    def resize(x):
        calls = [
            F.interpolate(x, size=(20, 13), mode="bilinear", align_corners=corners)
            for corners in (True, True, False)
        ]
        return torch.cat(calls, 1)

    return Around(resize, 6)


class Kind(NamedTuple):
    """`size` is that of the input; `frontends` those that can convert it.

    `varies` tells how the size of the input may vary: by "range" or by "list"; `lowest` is the
    first iOS that has what mends it.
    """

    build: Callable[[], nn.Module]
    size: Tuple[int, int]
    becomes: str
    frontends: Tuple[str, ...] = ("trace", "export")
    varies: str = ""
    lowest: int = 15

    @property
    def sizes(self) -> Tuple[Tuple[int, int], ...]:
        """Those that are recorded: one that strides do not divide, too, where that is allowed."""
        height, width = self.size
        more = {"range": ((height + 2, width + 3),), "list": ((2 * height, 2 * width),)}
        return (self.size, *more.get(self.varies, ()))


class Generated(nn.Module):
    """A few calls of all kinds after one another; some are dead, doubled, or outputs too."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        some = random.Random(seed)
        self.start = nn.Conv2d(3, 2, 3, padding=1)
        self.steps = [
            (_call(some), some.choice(["once"] * 4 + ["dead", "output", "equal"]), _call(some))
            for _ in range(some.randint(1, 4))
        ]
        self.convs = nn.ModuleList([nn.Conv2d(2, 2, 3, padding=1) for _ in self.steps])

    def forward(self, x):
        outputs, x = [], self.start(x)
        for (call, how, other), conv in zip(self.steps, self.convs):
            if how in ("dead", "output"):
                more = _called(x, other)
                outputs += [more] if how == "output" else []
            made = _called(x, call)
            if how == "equal":
                made = made + 2 * _called(x, call)
            x = torch.tanh(conv(made))
        return (x, *outputs)


FACTORS = (2, 3, 0.5, 1.5, 0.7, 1.16, 0.29, 2.3, 1.7, 1 / 3, 0.75, 1.25, 2.5, 1, 1.1, 0.9, 4.1)


def _call(some):
    """Arguments of a call."""
    mode = some.choice(["bilinear"] * 5 + ["nearest"] * 3 + ["area"])
    given = {"mode": mode}
    if mode == "bilinear":
        given["align_corners"] = some.random() < 0.5
        given["antialias"] = some.random() < 0.15
    if mode == "area":  # each pixel of one that does not divide is an operation
        return {**given, "size": (some.randint(1, 4), some.randint(1, 4))}
    if some.random() < 0.5:
        size = (some.randint(1, 24), some.randint(1, 24))
        return {**given, "size": None if some.random() < 0.15 else size}
    factors = some.choice(FACTORS), some.choice(FACTORS)
    one = some.random() < 0.7
    given["scale_factor"] = factors[0] if one else tuple(map(float, factors))
    if some.random() < 0.2:
        given["recompute_scale_factor"] = True
    return given


def _called(x, given):
    if given.get("size", ()) is None:
        given = {**given, "size": tuple(int(side) for side in x.shape[2:])}
    return F.interpolate(x, **given)


SMALL = (10, 12)

KINDS = {
    # A factor in single precision makes one pixel more or less than PyTorch's.
    "aligned_by_0.7": Kind(scaled(0.7), (30, 30), MENDED, ("trace",)),
    "aligned_by_1.16": Kind(scaled(1.16), (25, 25), MENDED),
    "aligned_by_0.29": Kind(scaled(0.29), (100, 10), MENDED),
    "half_by_1.16": Kind(scaled(1.16, corners=False), (25, 25), BEYOND),
    "half_by_1.16_recomputed": Kind(
        scaled(1.16, corners=False, recompute_scale_factor=True), (25, 25), MENDED, ("trace",)
    ),
    "half_by_2": Kind(scaled(2, corners=False), SMALL, RIGHT),
    "half_by_0.5": Kind(scaled(0.5, corners=False), SMALL, RIGHT),
    "aligned_by_two": Kind(scaled((2.0, 3.0)), SMALL, RIGHT),
    "aligned_to_size": Kind(sized((23, 7)), SMALL, RIGHT),
    "half_to_size": Kind(sized((7, 31), corners=False), SMALL, RIGHT),
    "aligned_to_one": Kind(sized((1, 1)), SMALL, RIGHT),
    "half_to_one": Kind(sized((1, 5), corners=False), SMALL, RIGHT),
    "aligned_from_one": Kind(sized((5, 6)), (1, 3), RIGHT),
    "one_axis": Kind(sized((10, 30), corners=False), SMALL, RIGHT),
    "nearest_by_3": Kind(scaled(3, "nearest"), SMALL, RIGHT),
    "nearest_by_1.5": Kind(scaled(1.5, "nearest"), SMALL, RIGHT),
    "nearest_by_2.3": Kind(scaled(2.3, "nearest"), SMALL, BEYOND),
    "nearest_by_1.7": Kind(scaled(1.7, "nearest"), (11, 13), BEYOND),
    "nearest_to_size": Kind(sized((13, 17), "nearest"), SMALL, RIGHT),
    "nearest_to_smaller": Kind(sized((7, 5), "nearest"), SMALL, RIGHT),
    "antialias_down": Kind(sized((4, 5), corners=False, antialias=True), SMALL, BEYOND),
    "antialias_down_aligned": Kind(sized((4, 5), antialias=True), SMALL, BEYOND),
    "antialias_one_axis": Kind(sized((10, 5), corners=False, antialias=True), SMALL, BEYOND),
    "antialias_up": Kind(sized((17, 23), corners=False, antialias=True), SMALL, RIGHT),
    "area_divides": Kind(sized((5, 4), "area"), SMALL, RIGHT),
    "area_between": Kind(sized((4, 5), "area"), SMALL, RIGHT),
    "area_enlarges": Kind(sized((13, 15), "area"), SMALL, RIGHT),
    "module_twice": Kind(
        lambda: Twice(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)),
        SMALL, RIGHT,
    ),
    "module_bilinear": Kind(lambda: Around(nn.UpsamplingBilinear2d(scale_factor=2)), SMALL, RIGHT),
    "module_nearest": Kind(lambda: Around(nn.UpsamplingNearest2d(size=(15, 20))), SMALL, RIGHT),
    "dead": Kind(dead, SMALL, RIGHT),
    "identity": Kind(identity, SMALL, RIGHT),
    "equal": Kind(equal, SMALL, RIGHT),
    "folded": Kind(Folded, (6, 7), REFUSED),
    "varies_by_2": Kind(scaled(2), (16, 24), RIGHT, varies="range"),
    "varies_nearest_by_2": Kind(scaled(2, "nearest"), (16, 24), RIGHT, varies="range"),
    "listed_by_2": Kind(scaled(2, corners=False), (16, 24), RIGHT, ("trace",), "list"),
    "varies_other_aligned": Kind(
        lambda: Other("bilinear", True), (16, 24), MENDED, ("export",), "range", 17
    ),
    "varies_other_half": Kind(
        lambda: Other("bilinear", False), (16, 24), MENDED, ("export",), "range", 17
    ),
    "varies_other_nearest": Kind(
        lambda: Other("nearest", None), (16, 24), REFUSED, ("export",), "range"
    ),
}  # fmt: skip

SEGMENTATION = {
    name: Kind(build, make_mlprogram.SIZE, RIGHT) for name, build in make_mlprogram.NETWORKS.items()
}


class Case(NamedTuple):
    """One conversion of a kind; `seed` is that of a generated network."""

    kind: str
    frontend: str
    ios: int
    precision: str
    seed: int = make_mlprogram.SEED

    @property
    def name(self) -> str:
        more = [str(self.seed)] if self.kind == "generated" else []
        return "-".join([self.kind, *more, self.frontend, f"ios{self.ios}", self.precision])

    @property
    def what(self) -> Kind:
        if self.kind == "generated":
            some = random.Random(self.seed)
            size = some.randint(5, 24), some.randint(5, 24)
            return Kind(lambda: Generated(self.seed), size, "")
        return {**KINDS, **SEGMENTATION}[self.kind]


def _cases():
    """Each kind with each of its frontends; iOS and precision take turns."""
    turn = 0
    for kind, what in {**SEGMENTATION, **KINDS}.items():
        for frontend in what.frontends:
            ios = max(what.lowest, 15 + turn % 4)
            yield Case(kind, frontend, ios, ("float32", "float16")[turn // 4 % 2])
            turn += 1
        turn += len(what.frontends) % 2
        turn += 1


CASES = list(_cases())


def built(case):
    """The network of a case, and two images."""
    torch.manual_seed(case.seed)
    network = case.what.build().eval()
    return network, torch.rand(1, 3, *case.what.size), torch.rand(1, 3, *case.what.size)


def converted(case, network, image, path):
    """The package of a network."""
    varies = case.what.varies
    with torch.no_grad(), quiet():
        if case.frontend == "trace":
            program = torch.jit.trace(network, image, check_trace=False)
            inputs = [ct.TensorType(name="x", shape=_shapes(tuple(image.shape), varies))]
        else:
            dims = {
                axis: torch.export.Dim(name, min=8, max=64) for axis, name in ((2, "h"), (3, "w"))
            }
            more = {"dynamic_shapes": (dims,)} if varies else {}
            program = torch.export.export(network, (image,), **more).run_decompositions({})
            inputs = None
        model = ct.convert(
            program,
            inputs=inputs,
            convert_to="mlprogram",
            compute_precision=ct.precision(case.precision),
            minimum_deployment_target=TARGETS[case.ios],
            skip_model_load=True,
        )
    model.save(str(path))
    return model


def _shapes(shape, varies):
    if varies == "range":
        return ct.Shape(shape[:2] + tuple(ct.RangeDim(8, 64, size) for size in shape[2:]))
    if varies == "list":
        larger = shape[:2] + tuple(2 * size for size in shape[2:])
        return ct.EnumeratedShapes([shape, larger], default=shape)
    return shape


@contextlib.contextmanager
def quiet():
    """Converters say a lot."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
