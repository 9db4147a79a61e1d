"""PyTorch's `nearest` by factors that leave N = X or N = 2X, where it has two answers."""

import random
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch")

from coreml_resize_fix.intents.model import Intent  # noqa: E402
from coreml_resize_fix.intents.nearest_layout import resolve_nearest  # noqa: E402
from coreml_resize_fix.intents.tensors import Recorded  # noqa: E402
from coreml_resize_fix.sampling.reference import resize  # noqa: E402

VERSION = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])


def calls(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        size = tuple(rng.choice((rng.randint(1, 40), rng.randint(30, 90))) for _ in range(2))
        factor = tuple(
            rng.choice((1, 2)) + rng.choice((0, rng.random() * 0.99 / n, 2e-7)) for n in size
        )
        image = np.random.RandomState(rng.randint(0, 9999)).rand(1, rng.choice((1, 3, 4, 9)), *size)
        yield image.astype(np.float32), factor


def run(image, factor, layout="contiguous_format"):
    x = torch.from_numpy(image).contiguous(memory_format=getattr(torch, layout))
    return torch.nn.functional.interpolate(x, scale_factor=factor, mode="nearest").numpy()


def intent_of(image, factor):
    return Intent(
        mode="nearest",
        scale_factor=factor,
        framework_version=torch.__version__,
        channels=image.shape[1],
        index=0,
    )


def computed(intent, image, wanted):
    return resize(image, *intent.axes(image.shape[-2:], wanted.shape[-2:]))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_contiguous_tensors():
    for image, factor in calls(0, 300):
        wanted = run(image, factor)
        assert (computed(intent_of(image, factor), image, wanted) == wanted).all(), (
            image.shape,
            factor,
        )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_recorded_tensors_settle_the_layout():
    unlike = 0
    for image, factor in calls(1, 300):
        wanted = run(image, factor, "channels_last")
        intent = intent_of(image, factor)
        (known,) = resolve_nearest([intent], {0: Recorded(image, wanted)})
        assert (computed(known, image, wanted) == wanted).all(), (image.shape, factor)
        unlike += (computed(intent, image, wanted) != wanted).any()
    assert (unlike > 0) == (VERSION >= (1, 9))
