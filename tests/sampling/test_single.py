"""Single precision, bit for bit as NumPy has it."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coreml_resize_fix.sampling.single import shortest, single, spacing
from tests.support.process import REPOSITORY

LARGEST = float(np.finfo(np.float32).max)
floats = st.floats(allow_nan=False)
singles = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(floats)
@example(1e39)
@example(-1e39)
@example(LARGEST + 2.0**102)
@example(LARGEST + 2.0**103)
@example(1 + 2.0**-24)
@example(1 + 3 * 2.0**-24)
@example(2.0**-150)
def test_rounding(value):
    with np.errstate(over="ignore", under="ignore"):
        expected = float(np.float32(value))
    assert single(value) == expected
    assert math.copysign(1, single(value)) == math.copysign(1, expected)


@given(st.floats(0, LARGEST, width=32, exclude_max=True))
@example(0.0)
@example(2.5)
def test_distance_to_the_next(value):
    assert spacing(value) == float(np.spacing(np.float32(value)))


@given(singles)
@example(float(np.float32(1.1)))
@example(16777216.0)
def test_fewest_digits(value):
    """NumPy's text of a float32 is the shortest that reads back as the same number."""
    assert single(shortest(value)) == value
    assert len(repr(shortest(value)).rstrip("0")) <= len(repr(float(str(np.float32(value)))))


@pytest.mark.parametrize("value", [1.1, 2.5, 0.3333333, 1.7, 100.29, 2.0009, 1 / 3])
def test_factors_that_exporters_store_are_read_as_they_were_given(value):
    stored = np.float32(value)
    assert shortest(float(stored)) == float(str(stored))


ROOMS = [
    "sampling",
    "conventions",
    "auditing",
    "formats.neuralnetwork.resizes",
    "intents.manifest",
    "intents.assume",
]


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("room", ROOMS)
def test_what_decides_needs_no_numpy(room):
    code = (
        "import importlib, pkgutil, sys\n"
        "room = importlib.import_module('coreml_resize_fix.{}')\n"
        "path = getattr(room, '__path__', [])\n"
        "for found in pkgutil.walk_packages(path, room.__name__ + '.'):\n"
        "    if not found.name.endswith(('sampling.reference', 'auditing.decomposition')):\n"
        "        importlib.import_module(found.name)\n"
        "assert 'numpy' not in sys.modules\n"
    ).format(room)
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, stderr=subprocess.PIPE)
    assert ran.returncode == 0, ran.stderr.decode()
