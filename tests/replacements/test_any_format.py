"""Replacements for a format that this package does not have: NumPy calls, from a version on."""

import random
import subprocess
import sys

import numpy as np
import pytest

from coreml_resize_fix.replacements import steps
from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.choose import cheapest
from coreml_resize_fix.replacements.format import Place, Way
from coreml_resize_fix.sampling import KERNELS, TRANSFORMS, AxisSpec
from coreml_resize_fix.sampling.reference import resize

# kind of step → the version that has it, and what it does to an image (…, H, W)
CALLS = {
    steps.Gather: (2, lambda step, x: np.take(x, step.indices, axis=step.axis - 2)),
    steps.MatMul: (
        3,
        lambda step, x: np.moveaxis(
            np.tensordot(step.map.matrix, x, (1, x.ndim - 2 + step.axis)), 0, step.axis - 2
        ),
    ),
}


class Calls(Way):
    def __init__(self, made):
        self.made = made
        self.count = len(made)
        self.spec_version = max(CALLS[type(step)][0] for step in made)

    def write(self, purpose):
        return Program(self.made, purpose.name)


class Program:
    bytes = 0

    def __init__(self, made, name):
        self.made, self.name = made, name

    def run(self, x):
        for step in self.made:
            x = CALLS[type(step)][1](step, x)
        return x


class Numpy(Place):
    def ways(self, made):
        return [Calls(made)] if all(type(step) in CALLS for step in made) else []


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(60))
def test_a_program_of_the_cheapest_steps_computes_the_case(seed):
    rng = random.Random(seed)
    axes = [
        AxisSpec(
            rng.choice(sorted(KERNELS)),
            rng.choice(sorted(TRANSFORMS)),
            rng.randint(1, 12),
            rng.randint(1, 12),
        )
        for _ in range(2)
    ]
    choice = cheapest(Case(*axes, channels=2), Numpy())
    image = np.random.RandomState(seed).uniform(-1, 1, (2, axes[0].input_size, axes[1].input_size))
    np.testing.assert_allclose(choice.params.run(image), resize(image, *axes), atol=1e-12)


def test_the_format_says_what_it_has_and_from_which_version_on():
    nearest = AxisSpec("nearest_floor", "asymmetric", 4, 7)
    bicubic = AxisSpec("cubic", "half_pixel", 4, 7)
    assert cheapest(Case(nearest, nearest), Numpy(), 2).params.name == "gather"
    assert cheapest(Case(bicubic, nearest), Numpy(), 2) is None
    assert cheapest(Case(bicubic, nearest), Numpy()).spec_version == 3
    varying = Case(bicubic, bicubic, factors=(1.75, 1.75))
    assert cheapest(varying, Numpy()) is None


def test_no_format_and_no_protobuf_is_imported():
    program = (
        "import sys; from coreml_resize_fix.replacements import choose; "
        "print([n for n in sys.modules if n.startswith(('coreml_resize_fix.', 'google.'))])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    rooms = {name.split(".")[1] for name in eval(ran.stdout.decode()) if "resize_fix" in name}
    assert rooms == {"replacements", "sampling"}
    assert "google" not in ran.stdout.decode()
