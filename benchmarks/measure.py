"""Whole processes, timed side by side: seconds and peak memory, medians of several rounds."""

import os
import statistics
import subprocess
import sys
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOL = [sys.executable, "-m", "coreml_resize_fix"]

# Modules are compiled once, as an installation does.
_ENVIRONMENT = dict(os.environ, PYTHONPATH=REPOSITORY)
_ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)
_DIVISOR = 1 << (20 if sys.platform == "darwin" else 10)  # ru_maxrss to MiB


class Sample(NamedTuple):
    """One run: `inside` are the seconds that the process itself printed, if it printed any."""

    seconds: float
    peak_mb: float
    inside: float = 0.0


class Row(NamedTuple):
    """One line of the table; `target` is the largest value that is meant to be reached."""

    what: str
    against: str
    values: Sequence[float]
    unit: str = "×"
    target: Optional[float] = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        spread = "{:.3g}-{:.3g}".format(min(self.values), max(self.values))
        aim = "" if self.target is None else "{:g}".format(self.target)
        met = "" if self.target is None else ("met" if self.median <= self.target else "missed")
        return "{:50.50} {:34.34} {:>8.3g} {:2} {:>13} {:>6} {}".format(
            self.what, self.against, self.median, self.unit, spread, aim, met
        ).rstrip()


HEAD = "{:50} {:34} {:>8} {:2} {:>13} {:>6}".format(
    "what", "against", "median", "", "range", "target"
)


def run(command: Sequence[str], timed_inside: bool = False) -> Sample:
    """Run a process to its end.

    `timed_inside`: its last line on stdout is how many seconds the part that counts took.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=_ENVIRONMENT,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE if timed_inside else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    out = process.stdout.read() if process.stdout is not None else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = status >> 8
    if status >> 8 not in (0, 1, 3) or status & 0xFF:  # 1: something to fix; 3: an inventory
        raise SystemExit("{} ended with status {}".format(" ".join(command), status))
    inside = float(out.split()[-1]) if timed_inside else 0.0
    return Sample(seconds, usage.ru_maxrss / _DIVISOR, inside)


def run_printing(command: Sequence[str]) -> List[float]:
    """Run a process to its end; the numbers in its last line on stdout."""
    done = subprocess.run(
        command, env=_ENVIRONMENT, cwd=REPOSITORY, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(
            "{} failed: {}".format(" ".join(command), done.stderr.decode(errors="replace"))
        )
    lines = done.stdout.decode().splitlines()
    return [float(word) for word in lines[-1].split()] if lines else []


def side_by_side(
    calls: Dict[str, Callable[[], Sample]], rounds: int, warm_up: bool = True
) -> Dict[str, List[Sample]]:
    """Samples of each call, taken in turns, so that a busy machine slows all of them."""
    if warm_up:
        for call in calls.values():
            call()
    samples: Dict[str, List[Sample]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            samples[name].append(call())
    return samples


def ratios(ours: Sequence[Sample], theirs: Sequence[Sample], inside: bool = False) -> List[float]:
    """Times of each round as a multiple of the other's: of its process, or of what it timed."""
    return [
        one.seconds / (other.inside if inside else other.seconds)
        for one, other in zip(ours, theirs)
    ]


def peaks(samples: Sequence[Sample]) -> List[float]:
    return [sample.peak_mb for sample in samples]


def forget(path: str) -> None:
    """Drop a file from the page cache, so that the next reader finds it cold."""
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def settle(path: str) -> None:
    """Remove a file and let the disk finish what others left to it, before something is written."""
    if os.path.exists(path):
        os.unlink(path)
    os.sync()
