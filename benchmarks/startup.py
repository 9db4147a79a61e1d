"""What the shortest runs cost, as multiples of a bare start of the same Python."""

import sys
from typing import Iterator

from measure import REPOSITORY, TOOL, Row, ratios, run, side_by_side

UNET = REPOSITORY + "/examples/unet/unet"
# Twice the rounds: these processes take hundredths of a second, and a busy moment shows.
_PATIENCE = 3

COMMANDS = {
    "--help": (["--help"], 7),
    "--version": (["--version"], 7),
    "audit of a small model": (["-n", UNET + ".mlmodel", "-m", UNET + ".intent.json"], 12),
    "inventory of a small model": ([UNET + ".mlmodel"], 12),
    "the same audit as JSON, values compared": (
        ["-n", UNET + ".mlmodel", "-m", UNET + ".intent.json", "--format", "json"],
        None,
    ),
    "import numpy": (["import numpy"], None),
    "import coremltools": (["import coremltools"], None),
}


def rows(rounds: int, folder: str) -> Iterator[Row]:
    calls = {"bare": lambda: run([sys.executable, "-c", "pass"])}
    for name, (arguments, _) in COMMANDS.items():
        command = [sys.executable, "-c"] if name.startswith("import") else TOOL
        calls[name] = lambda command=command + arguments: run(command)
    samples = side_by_side(calls, rounds * _PATIENCE)
    for name, (_, target) in COMMANDS.items():
        yield Row(name, "bare Python", ratios(samples[name], samples["bare"]), target=target)
