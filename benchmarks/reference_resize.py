"""Time the reference resize against PyTorch on one thread and print the ratio.

    python benchmarks/reference_resize.py [--rounds 9]

The two are measured alternately, so that a busy machine slows both. Needs torch.
"""

import argparse
import functools
import statistics
import time
from typing import Callable, List

import numpy as np
import torch

from coreml_resize_fix.dialects import torch as torch_dialect
from coreml_resize_fix.sampling.reference import resize

CASES = (
    ("bilinear", False, (64, 256, 256), (512, 512)),
    ("bilinear", True, (64, 256, 256), (512, 512)),
    ("bilinear", True, (64, 27, 27), (53, 53)),
    ("bilinear", False, (64, 512, 512), (256, 256)),
    ("nearest", None, (64, 256, 256), (512, 512)),
    ("bicubic", False, (16, 256, 256), (512, 512)),
)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    for mode, align_corners, shape, size in CASES:
        x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        tensor = torch.from_numpy(x)[None]
        rows, columns = (
            torch_dialect.axis(mode, align_corners, False, before, after)
            for before, after in zip(shape[1:], size)
        )
        calls = (
            functools.partial(resize, x, rows, columns),
            functools.partial(
                torch.nn.functional.interpolate,
                tensor,
                size=size,
                mode=mode,
                align_corners=align_corners,
            ),
        )
        times: List[List[float]] = [[_seconds(call) for call in calls] for _ in range(rounds + 1)]
        ours, theirs = (statistics.median(column) for column in zip(*times[1:]))
        print(
            f"{mode:9} align_corners={align_corners!s:5} {shape} -> {size}: "
            f"{ours * 1e3:7.2f} ms, torch {theirs * 1e3:7.2f} ms, ratio {ours / theirs:.2f}"
        )


if __name__ == "__main__":
    main()
