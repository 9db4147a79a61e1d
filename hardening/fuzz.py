"""Coverage-guided fuzzing of one entry: `python -m hardening.fuzz wire --minutes 60`.

Needs atheris (Python 3.11 to 3.13 on Linux): `pip install -e '.[test,hardening]'`. `--unguided`
needs nothing: it changes the files of real converters at random, on the oldest versions, too.
Inputs that end in another way than they must are kept below `--out`, one for each place where they
do; the run goes on. A crash of the process, a timeout or too much memory ends a round, and the next
begins. What is printed at the end adds up all runs that had the same `--out`.
"""

import argparse
import hashlib
import json
import mmap
import os
import random
import struct
import subprocess
import sys
import time
import traceback
from typing import Any, Callable, Dict, List

# Of one input: memory of the whole process with NumPy and protobuf, and seconds on a busy machine.
MOST_MEMORY, MOST_SECONDS = 1024, 60
LARGEST = 20000  # bytes
ENTRIES = (
    "wire",
    "manifest",
    "onnx",
    "tflite",
    "graph",
    "keras",
    "command",
    "program",
    "package",
    "execute",
)
_COUNTER = struct.Struct("<QQ")  # executions, microseconds of processor time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entry", choices=ENTRIES)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--out", default=os.path.join("build", "fuzz"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unguided", action="store_true", help="without atheris and coverage")
    parser.add_argument("--round", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    out = os.path.join(options.out, options.entry)
    for folder in ("corpus", "seeds", "found"):
        os.makedirs(os.path.join(out, folder), exist_ok=True)
    if options.round:
        begin = _unguided if options.unguided else _guided
        begin(options.entry, out, options.minutes, options.seed)
    else:
        print(json.dumps(_rounds(options, out)))


def _rounds(options: Any, out: str) -> Dict[str, Any]:
    """Rounds until the time is over; what they did, in numbers."""
    from hardening import seeds

    seeds.write(options.entry, os.path.join(out, "seeds"))
    counter = os.path.join(out, "executions")
    if not os.path.exists(counter):
        with open(counter, "wb") as file:
            file.write(_COUNTER.pack(0, 0))
    begin, rounds = time.time(), 0
    while time.time() - begin < options.minutes * 60 - 1:
        left = options.minutes - (time.time() - begin) / 60
        command = [sys.executable, "-m", "hardening.fuzz", options.entry, "--round"]
        command += ["--out", options.out, "--minutes", str(left), "--seed", str(options.seed)]
        command += ["--unguided"] * options.unguided
        with open(os.path.join(out, "log"), "ab") as log:
            ended = subprocess.run(command, stdout=log, stderr=log, check=False)
        if options.unguided and ended.returncode:
            name = "crash-{}-{}".format(options.seed, ended.returncode)
            os.replace(os.path.join(out, "current"), os.path.join(out, "found", name))
        rounds, options.seed = rounds + 1, options.seed + 1
    with open(counter, "rb") as file:
        executions, used = _COUNTER.unpack(file.read())
    return {
        "entry": options.entry,
        "minutes of processor": round(used / 60e6, 1),
        "executions": executions,
        "inputs kept for their coverage": len(os.listdir(os.path.join(out, "corpus"))),
        "rounds": rounds,
        "found": sorted(os.listdir(os.path.join(out, "found"))),
    }


def _checked(entry: str, out: str) -> Callable[[bytes], None]:
    """What is called with every input: it counts, and keeps what ends in another way."""
    from hardening import entries

    handle = os.open(os.path.join(out, "executions"), os.O_RDWR)
    counter = mmap.mmap(handle, _COUNTER.size)
    done, used = _COUNTER.unpack(counter[:])
    executions = 0

    def one(data: bytes) -> None:
        nonlocal executions
        executions += 1
        counter[:] = _COUNTER.pack(done + executions, used + int(time.process_time() * 1e6))
        try:
            entries.ENTRIES[entry](bytes(data))
        except Exception as error:
            _keep(os.path.join(out, "found"), data, error)

    return one


def _unguided(entry: str, out: str, minutes: float, seed: int) -> None:
    from hardening import entries, seeds

    rng, begun, known = random.Random(seed), time.time(), seeds.of(entry)
    one, current = _checked(entry, out), os.path.join(out, "current")
    while time.time() - begun < minutes * 60:
        data = rng.choice(known)
        for _ in range(rng.choice((1, 1, 2, 3))):
            data = entries.MUTATE[entry](data, rng.randrange(2**32), LARGEST)
        with open(current, "wb") as file:
            file.write(data)
        one(data)


def _guided(entry: str, out: str, minutes: float, seed: int) -> None:
    import atheris
    import numpy  # noqa: F401 (not to be instrumented)

    with atheris.instrument_imports(include=["coreml_resize_fix"]):
        from hardening import entries

    def mutate(data: bytes, most: int, number: int) -> bytes:
        if number % 4 == 0:
            return bytes(atheris.Mutate(data, len(data)))
        changed = entries.MUTATE[entry](bytes(data), number, most)
        return changed if len(changed) <= most else bytes(data)

    arguments = [
        sys.argv[0],
        "-max_total_time={}".format(max(int(minutes * 60), 1)),
        "-max_len={}".format(LARGEST),
        "-timeout={}".format(MOST_SECONDS),
        "-rss_limit_mb={}".format(MOST_MEMORY),
        "-seed={}".format(seed),
        "-artifact_prefix={}/".format(os.path.join(out, "found")),
        "-print_final_stats=1",
        "-verbosity=1",
        os.path.join(out, "corpus"),
        os.path.join(out, "seeds"),
    ]
    atheris.Setup(arguments, _checked(entry, out), custom_mutator=mutate)
    atheris.Fuzz()


def _keep(folder: str, data: bytes, error: Exception) -> None:
    """The input and its error, unless another one ended at the same place."""
    frames = traceback.extract_tb(error.__traceback__)
    places: List[str] = [
        "{}:{}".format(os.path.basename(frame.filename), frame.lineno) for frame in frames[-3:]
    ]
    name = hashlib.sha256(" ".join([type(error).__name__, *places]).encode()).hexdigest()[:12]
    path = os.path.join(folder, name)
    if os.path.exists(path):
        return
    with open(path, "wb") as file:
        file.write(data)
    with open(path + ".txt", "w", encoding="utf-8", errors="backslashreplace") as text:
        text.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))


if __name__ == "__main__":
    main()
