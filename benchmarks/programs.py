"""Audit of an ML Program of 5,000 operations and 1 GB of weights, beside coremltools opening it."""

import os
import shutil
import sys
from typing import Iterator

from files import ASK
from measure import REPOSITORY, TOOL, Row, peaks, ratios, run, side_by_side

MAKE = [sys.executable, os.path.join(REPOSITORY, "benchmarks", "make_program.py")]
OPEN = """
import sys
import coremltools
coremltools.models.MLModel(sys.argv[1], skip_model_load=True)
"""
SMALL, LARGE = "200 operations", "5,000 operations, 1 GB"
PROGRAMS = {SMALL: ("200", "0"), LARGE: ("5000", "1")}
ALIGNED = ["--assume", "bilinear,align_corners=false"]  # what the resizes of it are


def rows(rounds: int, folder: str) -> Iterator[Row]:
    paths = {}
    calls = {}
    for name, (operations, gigabytes) in PROGRAMS.items():
        path = paths[name] = os.path.join(folder, operations + ".mlpackage")
        run(MAKE + [path, "--operations", operations, "--gigabytes", gigabytes])
        calls["audit of " + name] = lambda path=path: run(TOOL + ["-n", path] + ALIGNED)
        calls["calls of " + name] = lambda path=path: run(TOOL + ["-n", path, "-m", path + ".json"])
        calls["defects of " + name] = lambda path=path: run(TOOL + ["-n", path] + ASK)
        calls["open " + name] = lambda path=path: run([sys.executable, "-c", OPEN, path])
    try:
        samples = side_by_side(calls, rounds)
    finally:
        for path in paths.values():
            shutil.rmtree(path)
            os.unlink(path + ".json")
    against = "a process that opens it as an MLModel"
    for name in PROGRAMS:
        target = 0.3 if name == LARGE else None
        for what, label in (
            ("audit of ", ""),
            ("calls of ", ", with a manifest"),
            ("defects of ", ", every resize wrong"),
        ):
            values = ratios(samples[what + name], samples["open " + name])
            yield Row(f"audit of a program: {name}{label}", against, values, target=target)
    yield Row(
        "audit of a program: memory", "", peaks(samples["audit of " + LARGE]), "MB", target=60
    )
    yield Row("coremltools opens it: memory", "", peaks(samples["open " + LARGE]), "MB")
