"""The scripts in docs/ that write files there."""

import importlib.util
import os
from typing import Any, Tuple

from tests.support.cases import TESTS

DOCS = os.path.join(os.path.dirname(TESTS), "docs")


def load(script: str, written: str) -> Tuple[Any, str]:
    """The script as a module, and the file that it wrote as it is now."""
    spec = importlib.util.spec_from_file_location(script[:-3], os.path.join(DOCS, script))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(os.path.join(DOCS, written), encoding="utf-8") as file:
        return module, file.read()
