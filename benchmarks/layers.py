"""Networks of many layers: the cost grows with the layers, and not with their weights."""

import os
import sys
from typing import Iterator

from files import ASK, MAKE
from measure import TOOL, Row, ratios, run, side_by_side

# name → layers, channels
NETWORKS = {
    "5,000 layers": (5000, 4),
    "10,000 layers": (10000, 4),
    "10,000 layers of 64 channels": (10000, 64),
}
PARSE = """
import sys, time
from coreml_resize_fix.formats.protobuf import schema
model = schema.model_class()()
started = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    model.ParseFromString(file.read())
print(time.perf_counter() - started)
"""
# Each branch sees the blobs before it, and its body has blobs of its own.
BRANCHES = """
import sys, time
from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema
model = schema.model_class()()
model.description.input.add(name="b0").type.multiArrayType.shape.extend([4, 64, 64])
network = model.neuralNetwork
for index in range(int(sys.argv[1])):
    outer = network.layers.add(name="branch", input=["b0"])
    outer.branch.elseBranch.SetInParent()
    names = {"input": ["b{}".format(index)], "output": ["b{}".format(index + 1)]}
    outer.branch.ifBranch.layers.add(**names).activation.ReLU.SetInParent()
started = time.perf_counter()
sizes.infer(model)
print(time.perf_counter() - started)
"""


def rows(rounds: int, folder: str) -> Iterator[Row]:
    paths = {}
    calls = {}
    for name, (layers, channels) in NETWORKS.items():
        path = paths[name] = os.path.join(folder, "{}-{}.mlmodel".format(layers, channels))
        run(MAKE + [path, "--layers", str(layers), "--channels", str(channels)])
        calls[name] = lambda path=path: run(TOOL + ["-n", path] + ASK)
        calls["parse " + name] = lambda path=path: run(
            [sys.executable, "-c", PARSE, path], timed_inside=True
        )
    try:
        samples = side_by_side(calls, rounds)
    finally:
        for path in paths.values():
            os.unlink(path)
    few, many, heavy = NETWORKS
    label = "audit of " + heavy + ", 0.7 GB"
    yield Row(
        label,
        "protobuf's parse of it",
        ratios(samples[heavy], samples["parse " + heavy], inside=True),
        target=3,
    )
    yield Row(label, "the same without weights", ratios(samples[heavy], samples[many]))
    yield Row("audit of " + many, "audit of " + few, ratios(samples[many], samples[few]))
    branches = {
        count: lambda count=count: run([sys.executable, "-c", BRANCHES, count], timed_inside=True)
        for count in ("5000", "1000")
    }
    timed = side_by_side(branches, rounds)
    yield Row(
        "shapes of 5,000 branches",
        "shapes of 1,000 branches",
        [large.inside / small.inside for large, small in zip(timed["5000"], timed["1000"])],
    )
    label = "audit of {}, structure alone".format(many)
    yield Row(
        label,
        "protobuf's parse of it",
        ratios(samples[many], samples["parse " + many], inside=True),
    )
