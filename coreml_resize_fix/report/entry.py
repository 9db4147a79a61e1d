"""Each layer's entry of a manifest, to copy: what was asked for, or what is to be filled in."""

import json
from typing import Any, Dict, List, Sequence

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.intents import assume, source
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.template import template


def entries(found: Sequence[Finding], by_tensorflow: bool = False) -> List[str]:
    """JSON of an entry of `resizes` for each layer, pinned to it."""
    return [
        _copied(entry if finding.intent is None else _filled(entry["layer"], finding.intent))
        for finding, entry in zip(found, template(found, by_tensorflow)["resizes"])
    ]


def _filled(layer: str, intent: Intent) -> Dict[str, Any]:
    said = source.known("torch", intent.as_dict())
    if said.get("name") == assume.LABEL:
        del said["name"]
    said.pop("layer", None)
    return {"layer": layer, **said}


def _copied(entry: Dict[str, Any]) -> str:
    """JSON that stays what it is when a page escapes what is hidden in a line of it."""
    text = source.json_text(entry)
    return "".join(c if c == "\n" or visible(c) == c else json.dumps(c)[1:-1] for c in text)
