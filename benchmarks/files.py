"""Audit and fix of models from 1 MB to 1.5 GB, beside coremltools and a plain copy."""

import os
import sys
from typing import Dict, Iterator, List

from measure import (
    REPOSITORY,
    TOOL,
    Row,
    Sample,
    forget,
    peaks,
    ratios,
    run,
    settle,
    side_by_side,
)

MAKE = [sys.executable, REPOSITORY + "/benchmarks/models.py"]
ASK = ["--assume", "bilinear,align_corners=true"]

# name → layers, channels, float16 weights
MODELS = {
    "1 MB": (16, 64, False),
    "100 MB": (52, 341, False),
    "100 MB float16": (52, 482, True),
    "1.5 GB": (52, 1320, False),
    "1.5 GB float16": (52, 1867, True),
}
LARGE = "1.5 GB"

_TIMED = """
import sys, time
import coremltools
started = time.perf_counter()
{}
print(time.perf_counter() - started)
"""
LOAD = _TIMED.format("coremltools.utils.load_spec(sys.argv[1])")
EDIT = _TIMED.format(
    "spec = coremltools.utils.load_spec(sys.argv[1])\n"
    "spec.neuralNetwork.layers[-1].name += '_'\n"
    "coremltools.utils.save_spec(spec, sys.argv[2])"
)


def rows(rounds: int, folder: str) -> Iterator[Row]:
    for name, (layers, channels, half) in MODELS.items():
        path = os.path.join(folder, "model.mlmodel")
        run(MAKE + [path, "--layers", str(layers), "--channels", str(channels)] + ["--half"] * half)
        try:
            yield from _compare(name, path, rounds)
        finally:
            os.unlink(path)


def _compare(name: str, path: str, rounds: int) -> Iterator[Row]:
    out = path[: -len(".mlmodel")] + "-out.mlmodel"

    def cold_audit() -> Sample:
        forget(path)
        return run(TOOL + ["-n", path] + ASK)

    def copy() -> Sample:
        settle(out)
        return run(["sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", path, out])

    def fix() -> Sample:
        settle(out)
        return run(TOOL + [path, "-o", out] + ASK)

    calls = {
        "load": lambda: run([sys.executable, "-c", LOAD, path], timed_inside=True),
        "audit": lambda: run(TOOL + ["-n", path] + ASK),
        "copy": copy,
        "fix": fix,
        "edit": lambda: run([sys.executable, "-c", EDIT, path, out], timed_inside=True),
        "cold": cold_audit,  # last, as it leaves the cache empty: the load warms it again
    }
    samples: Dict[str, List[Sample]] = side_by_side(calls, rounds)
    os.unlink(out)
    large = name.startswith(LARGE)
    load, copied = samples["load"], samples["copy"]
    for what in ("audit", "cold"):
        label = "audit of {}{}".format(name, ", cold cache" if what == "cold" else "")
        yield Row(
            label,
            "a process that calls load_spec",
            ratios(samples[what], load),
            target=0.05 if large else None,
        )
        yield Row(label, "the call of load_spec alone", ratios(samples[what], load, inside=True))
        yield Row(label + ": memory", "", peaks(samples[what]), "MB", 60 if large else None)
    fix = ratios(samples["fix"], copied)
    yield Row("fix of " + name, "cp and fsync", fix, target=1.3 if large else None)
    yield Row(
        "fix of {}: memory".format(name), "", peaks(samples["fix"]), "MB", 60 if large else None
    )
    yield Row(
        "coremltools: load, edit, save " + name,
        "cp and fsync",
        [edit.inside / copy.seconds for edit, copy in zip(samples["edit"], copied)],
    )
    yield Row("coremltools: load_spec {}: memory".format(name), "", peaks(load), "MB")
