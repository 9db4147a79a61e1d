"""Two hundred small models in one run."""

import os
import shutil
from typing import Iterator

from measure import TOOL, Row, Sample, ratios, run, side_by_side
from startup import UNET

COUNT, ALONE = 200, 20


def rows(rounds: int, folder: str) -> Iterator[Row]:
    models = os.path.join(folder, "models")
    os.mkdir(models)
    for index in range(COUNT):
        shutil.copy(UNET + ".mlmodel", os.path.join(models, "{:03d}.mlmodel".format(index)))
    audit = ["-n", "-m", UNET + ".intent.json"]

    def alone() -> Sample:
        """As many runs of their own, of which a tenth is run."""
        runs = [run(TOOL + audit + [UNET + ".mlmodel"]) for _ in range(ALONE)]
        return Sample(sum(sample.seconds for sample in runs) * COUNT / ALONE, 0)

    calls = {
        "batch": lambda: run(TOOL + audit + [models]),
        "two": lambda: run(TOOL + audit + [models, "--jobs", "2"]),
        "alone": alone,
    }
    try:
        samples = side_by_side(calls, rounds, warm_up=False)
    finally:
        shutil.rmtree(models)
    what = "audit of {} small models".format(COUNT)
    yield Row(what, "a run for each", ratios(samples["batch"], samples["alone"]))
    yield Row(what + ", --jobs 2", "--jobs 1", ratios(samples["two"], samples["batch"]))
