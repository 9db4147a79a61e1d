"""Make the resize layers of a Core ML model compute what PyTorch computed.

    from coreml_resize_fix import audit, exportable, fix, predict, record_intents

`audit`, `fix` and `predict` take a path, a coremltools MLModel or a spec message;
`record_intents` and `exportable` see what PyTorch executes; a `Manifest` is a list of intents, a
`Report` what was found.
"""

__version__ = "0.1.0"
__all__ = ["Manifest", "Report", "audit", "exportable", "fix", "predict", "record_intents"]

# As in `typing`, which is not imported: until the command can end quietly, little may happen.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coreml_resize_fix.api import audit, fix, predict
    from coreml_resize_fix.intents.source import Manifest
    from coreml_resize_fix.intents.torch_export import exportable
    from coreml_resize_fix.intents.torch_recorder import record_intents
    from coreml_resize_fix.run.results import ModelReport as Report

# public name → where it lives; imported when first used, so that `--help` loads nothing heavy
_HOMES = {
    "Manifest": ("coreml_resize_fix.intents.source", "Manifest"),
    "Report": ("coreml_resize_fix.run.results", "ModelReport"),
    "audit": ("coreml_resize_fix.api", "audit"),
    "exportable": ("coreml_resize_fix.intents.torch_export", "exportable"),
    "fix": ("coreml_resize_fix.api", "fix"),
    "predict": ("coreml_resize_fix.api", "predict"),
    "record_intents": ("coreml_resize_fix.intents.torch_recorder", "record_intents"),
}


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module `coreml_resize_fix` has no attribute `{name}`")
    import importlib

    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)
