"""Faults while a model and its weights are replaced: what is there reads its numbers, always.

`hardening.faults` judges the files; here coremltools reads what a kill left.
"""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from tests.hardening.test_system_faults import strace_may_attach
from tests.support.process import REPOSITORY

# Calls that move or make something; `FAULTS` of hardening on all calls passed, and take minutes.
STRUCK = """
import json, os, shutil, sys
import numpy as np
from coreml_resize_fix.intents import assume
from hardening import faults, places
from tests.formats.mlprogram import appending, calls

appending.adds_numbers()
HAS, HAS_NONE = "ct9_ex17_range_other_bilF", "mil_ml16_half_pixel_false"

def made(name):
    def make(folder):
        path = calls.copied(name, folder)
        os.rename(path, os.path.join(folder, "model.mlpackage"))
    return make

MODEL = os.path.join("model.mlpackage", appending.MODEL)
faults.PLACES.clear()
faults.PLACES.update({
    "weights in place": places.Place(
        made(HAS), ("--in-place",), "model.mlpackage", model=MODEL),
    "new weights in place": places.Place(
        made(HAS_NONE), ("--in-place",), "model.mlpackage", model=MODEL),
    "new package with weights": places.Place(made(HAS), (), "model.mlpackage"),
})
READ = []
really = faults._judged

def judged(ended, before, after, found, where, struck):
    package = os.path.join(FOLDER[-1], "model.mlpackage")
    constants = appending.constants(package)
    right = ORIGINAL[PLACE[-1]]
    for key, value in right.items():
        if key in constants and isinstance(value, np.ndarray) and value.size > 9:
            assert np.array_equal(constants[key], value), (key, where)
            READ.append(key)
    if appending.NAME in constants:
        assert np.array_equal(constants[appending.NAME], appending.NUMBERS), where
    return really(ended, before, after, found, where, struck)

FOLDER, PLACE, ORIGINAL = [], [], {}
faults._judged = judged
outcome = faults.outcome

def watched(folder, place, fault, call):
    FOLDER.append(folder)
    PLACE.append(place.arguments + (place.make,))
    if PLACE[-1] not in ORIGINAL:
        ORIGINAL[PLACE[-1]] = appending.constants(os.path.join(folder, "model.mlpackage"))
    return outcome(folder, place, fault, call)

faults.outcome = watched
MOVES = ("rename", "link", "mkdir", "flock")
STRIKES = {"kill -9": MOVES, "EIO": MOVES + ("fsync", "unlink"), "ENOSPC": ("fallocate", "write")}
faults.warm_up()
found = {}
for name in faults.PLACES:
    for fault, chosen in STRIKES.items():
        for call in faults.calls(name, fault):
            if call.name.startswith(chosen):
                ended = faults.strike(name, fault, call)
                found[ended] = found.get(ended, 0) + 1
found["read"] = len(READ)

print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not strace_may_attach(),
    reason="faults are injected by strace: install it (Linux), and allow it to trace",
)
def test_faults_between_two_files():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STRUCK],
        env=dict(os.environ, PYTHONPATH=REPOSITORY),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["kept"] > 20
    assert found["done"] > 3
    assert found["read"] > 20
