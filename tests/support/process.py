"""Python code in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any, List, Sequence

import pytest

from tests.support.cases import TESTS

REPOSITORY = os.path.dirname(TESTS)

# coremltools imports torch if it is there, which takes seconds.
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None\n"


def start(code: str, *args: str, path: Sequence[str] = (), options: Sequence[str] = ()) -> Any:
    """Run code to its end; `path` goes before everything else that Python imports from."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([*path, REPOSITORY]))
    command = [sys.executable, *options, "-c", code, *args]
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def bound_by_permissions() -> List[str]:
    """What goes before a command so that permissions bind it, even where root runs the tests."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs permissions as POSIX has them")
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not bind root: needs setpriv, of util-linux")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def answer(code: str, *args: str, path: Sequence[str] = (), options: Sequence[str] = ()) -> Any:
    """What the code printed last, as JSON."""
    run = start(code, *args, path=path, options=options)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])
