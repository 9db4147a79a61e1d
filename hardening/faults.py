"""Faults at every system call of a fix: `python -m hardening.faults`. Needs Linux and strace.

A process that has imported everything forks one child for each fault. strace kills the child at
one of its system calls, or makes that call fail, for every call that a fix makes. Then the input
must be what it was, the result the old one or the new one, and nothing else may be there but, after
a kill, the unfinished file. A failing call is reported in a sentence. An interrupt is served when
what was begun is finished or removed.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from coreml_resize_fix.files import packages
from coreml_resize_fix.run import signals
from hardening import places, weighted_places
from hardening.places import Place
from hardening.program_seeds import knows_programs
from tests.support.folders import contents

PLACES: Dict[str, Place] = {
    **places.PLACES,
    **(weighted_places.PLACES if knows_programs() else {}),
}
FILES = "%file,%desc"
# What strace injects: a signal at any call, or an error of calls that take a path or a file.
FAULTS: Dict[str, Tuple[str, str]] = {
    "kill -9": ("all", "signal=KILL"),
    "EIO": (FILES, "error=EIO"),
    "ENOSPC": (FILES, "error=ENOSPC"),
    "EACCES": (FILES, "error=EACCES"),
    "Ctrl-C": ("all", "signal=INT"),
}
INTERRUPTED = 130  # exit code
# How strace writes that it did.
STRUCK = ("INJECTED", "+++ killed", "--- SIGINT")


class Outcome(NamedTuple):
    """How a child ended: exit code, or minus the signal; what it said; the system calls it made."""

    code: int
    told: str
    calls: List[str]


class Call(NamedTuple):
    """A system call of a fix: its name and, as strace counts, the how-manieth of that name."""

    name: str
    number: int


def outcome(folder: str, place: Place, fault: str, call: Call) -> Outcome:
    """Run a fix in a child process that meets the fault at that call."""
    go, ready = os.pipe()
    prepared, tell = os.pipe()
    errors = os.path.join(folder + ".told")
    child = os.fork()
    if child == 0:
        _child(go, tell, folder, place, errors)
    os.close(go)
    os.read(prepared, 1)  # until then its calls are none of the fix
    os.close(prepared)
    os.close(tell)
    which, what = FAULTS[fault]
    log = folder + ".calls"
    command = ["strace", "-p", str(child), "-o", log, "-e", "trace=" + which]
    command += ["-e", "inject={}:{}:when={}".format(call.name, what, call.number)]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    assert "attached" in strace.stderr.readline(), "strace may not attach"
    with contextlib.suppress(BrokenPipeError):  # it met a fault while it waited
        os.write(ready, b"1")
    os.close(ready)
    _, status = os.waitpid(child, 0)
    strace.communicate()
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    with open(errors, encoding="utf-8") as told, open(log, encoding="utf-8") as calls:
        return Outcome(code, told.read(), calls.read().splitlines())


def _child(go: int, tell: int, folder: str, place: Place, errors: str) -> None:
    code = 99
    try:
        os.dup2(os.open(errors, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 2)
        os.chdir(folder)
        with signals.as_exceptions():
            if not place.exchanges:
                packages.exchange = lambda one, other: False
            os.write(tell, b"1")
            _wait(go)
            code = run(place.command)
    except SystemExit as end:
        code = int(end.code or 0)  # just before or after the command, which ends so itself
    finally:
        os._exit(code)


def _wait(go: int) -> None:
    """Until strace is there; a fault that meets this call is none of the fix."""
    while True:
        with contextlib.suppress(OSError):
            os.read(go, 1)
            return


def run(arguments: List[str]) -> int:
    """The exit code of the command in this process."""
    from coreml_resize_fix.cli.command import command

    try:
        command.main(arguments, prog_name="coreml-resize-fix")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def warm_up() -> None:
    """Import everything that a fix needs, so that the calls of a child are those of the fix."""
    with tempfile.TemporaryDirectory() as folder:
        for name, place in PLACES.items():
            inside = os.path.join(folder, name)
            os.mkdir(inside)
            place.make(inside)
            with _in(inside):
                assert run(place.command) == 0


@contextlib.contextmanager
def _in(folder: str) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def calls(name: str, fault: str) -> List[Call]:
    """The calls of a fix that the fault can meet."""
    place = PLACES[name]
    if fault == "kill -9" and not place.exchanges:
        return []  # between two steps there is no package, and nobody left to put the old one back
    with tempfile.TemporaryDirectory() as around:
        folder = os.path.join(around, "here")
        os.mkdir(folder)
        place.make(folder)
        ended = outcome(folder, place, fault, Call("exit_group", 9))
    assert ended.code == 0, ended.told
    names = Counter(line.split("(")[0] for line in ended.calls if "(" in line)
    # Some calls come once more or less from run to run, those for memory above all.
    return [Call(name, n) for name in sorted(names) for n in range(1, names[name] + 2)]


def strike(name: str, fault: str, call: Call) -> str:
    """One fault, and how the fix ended: "kept", "done" or, if it made no such call, "missed".

    Raises:
        AssertionError: something was lost, left behind or not reported.
    """
    place = PLACES[name]
    with tempfile.TemporaryDirectory() as around:
        folder = os.path.join(around, "here")
        os.mkdir(folder)
        place.make(folder)
        before = contents(folder)
        good = os.path.join(around, "good")
        shutil.copytree(folder, good, symlinks=True)
        with _in(good):
            assert run(place.command) == 0
        after = contents(good)
        ended = outcome(folder, place, fault, call)
        found = contents(folder)
        struck = [line for line in ended.calls if any(mark in line for mark in STRUCK)]
        where = "{} of {}: {}".format(fault, name, struck[:1] or ended.calls[-2:])
        if ended.code < 0:
            where += " {}".format(ended.calls[-2:])
        if ended.code == 2 and place.report and found[place.report] != before[place.report]:
            assert reason(ended.told) in str(found[place.report]), "not reported by {}".format(
                where
            )
            found[place.report] = before[place.report]
        if place.model and found.get(place.model) == before[place.model]:
            found = _as_before(before, after, found, where)
        return _judged(ended, before, after, found, where, bool(struck))


def _as_before(before: Any, after: Any, found: Any, where: str) -> Any:
    """What others gained counts as not done while the model is the old one, which reads none."""
    result = dict(found)
    for key in set(before) | set(after):
        if key in found and key in after and found[key] == after[key]:
            del result[key]
            result.update({key: before[key]} if key in before else {})
        if found.get(key) not in (before.get(key), after.get(key)) or (
            key in before and key not in found
        ):
            raise AssertionError("`{}` is neither old nor new: {}".format(key, where))
    return result


def reason(told: str) -> str:
    """What the system said: the end of the error's sentence."""
    return told.splitlines()[0].rpartition(": ")[2]


def _judged(ended: Outcome, before: Any, after: Any, found: Any, where: str, struck: bool) -> str:
    extra = {key for key in found if os.sep + ".crf-" in os.sep + key}
    rest = {key: value for key, value in found.items() if key not in extra}
    assert rest in (before, after), "something was lost: {}".format(where)
    if ended.code >= 0:
        told = ended.told.startswith("error: ") or (ended.code == INTERRUPTED and "Ctrl-C" in where)
        assert ended.code in (0, 1, 2, INTERRUPTED), "{} ended with {}".format(where, ended.code)
        assert "defect of this tool" not in ended.told, where + ": " + ended.told
        assert "Traceback" not in ended.told, where + ": " + ended.told
        assert ended.code == 0 or told, where + ": " + ended.told
        assert ended.code != 0 or rest == after, "{} said it was done".format(where)
        assert not extra, "{} left {}".format(where, sorted(extra))
    if not struck:
        return "missed"
    return "done" if rest == after else "kept"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fault", choices=list(FAULTS), action="append")
    parser.add_argument("--place", choices=list(PLACES), action="append")
    options = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("strace is missing: install it with the system's package manager")
    warm_up()
    counts: Dict[str, int] = Counter()
    wrong: List[str] = []
    for name in options.place or PLACES:
        for fault in options.fault or FAULTS:
            for call in calls(name, fault):
                try:
                    ended = strike(name, fault, call)
                except AssertionError as error:
                    ended = "wrong"
                    wrong.append(str(error))
                    print(error, file=sys.stderr, flush=True)
                if ended != "missed":
                    counts[fault] += 1
                    counts[ended] += 1
    print(json.dumps({**counts, "wrong": len(wrong)}))


if __name__ == "__main__":
    main()
