"""Run cases, each in a process that may crash, and make one document of what came out."""

import os
import platform
import subprocess
import sys
from collections import Counter
from functools import lru_cache, partial
from importlib import import_module
from itertools import chain
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import coreml_resize_fix
from coreml_resize_fix.conformance import grids, layers, operations, replaced, runtimes
from coreml_resize_fix.conformance.case import Case, judge, tolerance
from coreml_resize_fix.conventions import measured
from coreml_resize_fix.errors import ResizeFixError
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.run import pool

FORMAT, VERSION = "coreml-resize-fix-conformance", 1
_NOTHING: Dict[str, Any] = {
    "reading": None, "largest_error": None, "readings": {}, "expected": None, "got": None,
    "message": None,
}  # fmt: skip
_LONGEST = 300  # characters of what Core ML says


@lru_cache(maxsize=None)
def cases() -> Dict[str, Case]:
    """All cases by their names."""
    found = chain(
        grids.cases(), grids.edge_cases(), replaced.cases(), layers.cases(), operations.cases()
    )
    return {one.name: one for one in found}


def records(runtime: str, names: Sequence[str], units: Sequence[str]) -> Iterator[Dict[str, Any]]:
    """Run cases of these names on each unit; one that ends its process is `crashed`."""
    for unit in units:
        work = partial(record, runtime, unit)
        yield from pool.run(work, names, 1, partial(_lost, unit))


def record(runtime: str, unit: str, name: str) -> Dict[str, Any]:
    """Run one case: its record, as docs/conformance.md describes it."""
    case, run = cases()[name], runtimes.named(runtime)
    try:
        with TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "weights"))
            model = open_bytes(case.model(), name, ModelFolder(folder))
            made = run(model, unit, case.inputs)
            if made.not_run is not None:
                return _refused(case, unit, made.not_run.reason)
            outputs = [made.outputs[output] for output in model.outputs]
        return {**_head(case, unit), **judge(case, outputs, tolerance(case, unit))}
    except ResizeFixError as error:
        return _refused(
            case, unit, f"{error.message}; {error.hint}" if error.hint else error.message
        )
    except Exception as error:  # Core ML's and protobuf's have no class in common
        return _refused(case, unit, str(error) or type(error).__name__)


def _head(case: Case, unit: str) -> Dict[str, Any]:
    return {
        "name": case.name,
        "model_kind": case.kind,
        "precision": case.precision,
        "compute_unit": unit,
        "questions": list(measured.asked_by(case.name)),
        "tolerance": tolerance(case, unit),
        **_NOTHING,
    }


def _refused(case: Case, unit: str, why: str) -> Dict[str, Any]:
    return {**_head(case, unit), "verdict": "refused", "message": why[:_LONGEST]}


def _lost(unit: str, name: str) -> Dict[str, Any]:
    head = _head(cases()[name], unit)
    return {**head, "verdict": "crashed", "message": "the process that ran it was ended"}


def document(runtime: str, found: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """All records, with what they were made on."""
    about = {
        "format": FORMAT,
        "version": VERSION,
        "tool_version": coreml_resize_fix.__version__,
        "runtime": runtime,
        **_machine(),
    }
    return {**about, "answers": answers(about, found), "cases": list(found)}


def answers(about: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """What the records say to each question on each unit, in the form of measured.json."""
    counts: Dict[Tuple[str, str], Counter[str]] = {}
    for one in found:
        for key in one["questions"]:
            said = one["reading"] or one["verdict"]
            counts.setdefault((key, one["compute_unit"]), Counter())[said] += 1
    return [
        {
            "question": key,
            "answer": "; ".join(f"{count} × {said}" for said, count in counted.most_common()),
            "unit": unit,
            "device": about["device"],
            "system": about["system"],
            "source": f"{FORMAT} {VERSION}, coreml-resize-fix {about['tool_version']}",
        }
        for (key, unit), counted in counts.items()
    ]


def _machine() -> Dict[str, Any]:
    on_mac = sys.platform == "darwin"
    names = [_said("sysctl", "-n", key) for key in ("hw.model", "machdep.cpu.brand_string")]
    build = _said("sw_vers", "-buildVersion")
    return {
        "device": ", ".join(filter(None, names)) if on_mac else platform.machine(),
        "system": f"macOS {platform.mac_ver()[0]} ({build})" if on_mac else platform.system(),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "coremltools")},
    }


def _said(*command: str) -> str:
    if sys.platform != "darwin":
        return ""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return ran.stdout.decode(errors="replace").strip()


def _version(name: str) -> Any:
    """Of an installed package; importing coremltools takes seconds. None on Python 3.7."""
    try:
        return import_module("importlib.metadata").version(name)
    except ImportError:
        return None
