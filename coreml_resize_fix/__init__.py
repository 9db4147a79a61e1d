"""Make the resize layers of a Core ML model compute what PyTorch or TensorFlow computed.

    from coreml_resize_fix import audit, exportable, fix, predict, record_intents

`audit`, `fix` and `predict` take a path, a coremltools MLModel or a spec message;
`record_intents` and `exportable` see what PyTorch executes; a `Manifest` is a list of `Intent`, a
`Report` what was found. Every error is a `ResizeFixError`. docs/python.md shows them at work.
"""

__version__ = "0.1.0"

# As in `typing`, which is not imported: until the command can end quietly, little may happen.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

    from coreml_resize_fix.api import audit, fix, predict
    from coreml_resize_fix.errors import (
        BadReferenceError,
        ManifestError,
        MLProgramError,
        ModelError,
        NoManifestError,
        NotAModelError,
        OutputError,
        ProofError,
        ResizeFixError,
        SchemaError,
        UnmatchedError,
        UsageError,
    )
    from coreml_resize_fix.intents.model import Intent
    from coreml_resize_fix.intents.record import record_intents
    from coreml_resize_fix.intents.source import Manifest
    from coreml_resize_fix.intents.torch.export import exportable
    from coreml_resize_fix.report.printable import Report

__all__ = [
    "BadReferenceError",
    "Intent",
    "MLProgramError",
    "Manifest",
    "ManifestError",
    "ModelError",
    "NoManifestError",
    "NotAModelError",
    "OutputError",
    "ProofError",
    "Report",
    "ResizeFixError",
    "SchemaError",
    "UnmatchedError",
    "UsageError",
    "audit",
    "exportable",
    "fix",
    "predict",
    "record_intents",
]

# public name → the module where it lives, which is imported when it is first used, so that `--help`
# loads nothing heavy; every other one is an error
_HOMES = {
    "Intent": "intents.model",
    "Manifest": "intents.source",
    "Report": "report.printable",
    "audit": "api",
    "exportable": "intents.torch.export",
    "fix": "api",
    "predict": "api",
    "record_intents": "intents.record",
}


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError(f"module `coreml_resize_fix` has no attribute `{name}`")
    import importlib

    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    return getattr(home, name)


def __dir__() -> "List[str]":
    return sorted([*globals(), *__all__])
