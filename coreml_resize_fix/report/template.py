"""A manifest to fill in: the layers of a model, what only a person can know left open."""

from typing import Any, Dict, List, Sequence

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.intents.manifest import FORMAT, VERSION

# No values that the reader accepts, so that a template that was not filled in is reported as one.
OPEN = "true or false?"
OPEN_FRAMEWORK = "tensorflow1 or tensorflow2?"


def template(findings: Sequence[Finding], by_tensorflow: bool = False) -> Dict[str, Any]:
    """The long form, one entry for each layer, pinned by its name (its address if that repeats,
    as it was before several layers stood in for one: so a manifest means it).

    Calls of TensorFlow are of two kinds, and none is one of PyTorch. Sizes are what the layers make
    of their inputs now, which is wrong where a factor was cut.
    """
    names = [finding.layer.name for finding in findings]
    resizes: List[Dict[str, Any]] = []
    for finding in findings:
        layer = finding.layer
        address = layer.original_address or layer.address
        entry: Dict[str, Any] = {"layer": layer.name if names.count(layer.name) == 1 else address}
        if by_tensorflow:
            entry["framework"] = OPEN_FRAMEWORK
        entry["mode"] = "nearest" if layer.params.copies_nearest else "bilinear"
        if not layer.params.copies_nearest:
            entry["align_corners"] = OPEN
        if layer.output_size is not None:
            entry["size"] = list(layer.output_size)
        resizes.append(entry)
    producer = {} if by_tensorflow else {"producer": {"framework": "torch"}}
    return {"format": FORMAT, "version": VERSION, **producer, "resizes": resizes}
