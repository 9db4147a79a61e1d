"""Whole networks: our executor beside PyTorch's eager mode, time and memory, on the same cores.

Both run in processes of their own, which print how long one run took, the median of several, and
by how many MiB the peak of their memory rose while it ran.
"""

import importlib.util
import os
import resource
import statistics
import sys
import time
from typing import Any, Callable, Iterator, List

from measure import REPOSITORY, Row, run_printing

sys.path.insert(0, REPOSITORY)

KINDS = ("neuralnetwork", "mlprogram")
_TIME, _MEMORY = 3.0, 2.0  # targets
_RUNS = 5


def rows(rounds: int, folder: str) -> Iterator[Row]:
    # Not imported here: a process that is started begins with the peak memory of this one.
    if importlib.util.find_spec("torch") is None:
        print("not measured, for PyTorch is not installed: whole networks")
        return
    for name in ("deeplab", "mobilenet_unet"):
        paths = {kind: os.path.join(folder, name + "-" + kind) for kind in KINDS}
        for kind, path in paths.items():
            _process("convert", name, kind, path)
        for kind, path in paths.items():
            times, peaks = [], []
            for _ in range(rounds):
                ours = _process("ours", name, kind, path)
                theirs = _process("torch", name, kind, path)
                times.append(ours[0] / theirs[0])
                peaks.append(ours[1] / theirs[1])
            what = "run {} ({})".format(name, kind)
            yield Row(what, "PyTorch's eager time", times, target=_TIME)
            yield Row(what + ", memory", "PyTorch's", peaks, target=_MEMORY)


def _process(*arguments: str) -> List[float]:
    return run_printing([sys.executable, os.path.abspath(__file__), *arguments])


def _network(name: str) -> Any:
    import networks_in_torch

    return networks_in_torch.made(name)


def _convert(name: str, kind: str, path: str) -> None:
    import coremltools as ct
    import torch

    network, example = _network(name)
    traced = torch.jit.trace(network, example)
    more = {"compute_precision": ct.precision.FLOAT32} if kind == "mlprogram" else {}
    target = {"mlprogram": ct.target.iOS15, "neuralnetwork": ct.target.iOS14}[kind]
    model = ct.convert(
        traced,
        inputs=[ct.TensorType("x", example.shape)],
        convert_to=kind,
        minimum_deployment_target=target,
        **more,
    )
    model.save(path + (".mlpackage" if kind == "mlprogram" else ".mlmodel"))


def _ours(name: str, kind: str, path: str) -> None:
    import numpy as np

    from coreml_resize_fix.formats import package
    from coreml_resize_fix.formats.open import open_file
    from coreml_resize_fix.verify.network import execute

    is_program = kind == "mlprogram"
    path = package.model_path(path + ".mlpackage") if is_program else path + ".mlmodel"
    image = np.random.RandomState(0).rand(1, 3, 257, 257).astype(np.float32)
    execute_it = execute
    with open_file(path, path) as model:
        _timed(lambda: execute_it(model, {"x": image}))


def _torch(name: str, kind: str, path: str) -> None:
    import torch

    network, example = _network(name)
    with torch.no_grad():
        _timed(lambda: network(example))


def _timed(call: Callable[[], Any]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    seconds = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    print(statistics.median(seconds), max(peak, 1024) / 1024)


_WAYS: "dict[str, Callable[[str, str, str], None]]" = {
    "convert": _convert,
    "ours": _ours,
    "torch": _torch,
}

if __name__ == "__main__":
    _WAYS[sys.argv[1]](*sys.argv[2:])
