"""Each layer's entry of a manifest, to copy: what was asked for, or what is to be filled in."""

import json
from typing import Any, Dict, List, Sequence

from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.intents import assume
from coreml_resize_fix.intents.model import ALIGN_CORNERS_MODES, Intent
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.template import template


def entries(found: Sequence[Finding]) -> List[str]:
    """JSON of an entry of `resizes` for each layer, pinned to it, a field on each line."""
    return [
        _text(entry if finding.intent is None else _filled(entry["layer"], finding.intent))
        for finding, entry in zip(found, template(found)["resizes"])
    ]


def _filled(layer: str, intent: Intent) -> Dict[str, Any]:
    """The fields of an intent that say more than their default does."""
    silent = {"framework": "torch", "antialias": False, "name": assume.LABEL}
    if intent.mode not in ALIGN_CORNERS_MODES:
        silent["align_corners"] = False
    said = {
        key: value
        for key, value in intent.as_dict().items()
        if key != "layer" and value is not None and silent.get(key) != value
    }
    return {"layer": layer, **said}


def _text(entry: Dict[str, Any]) -> str:
    lines = [f"  {_json(key)}: {_json(value)}" for key, value in entry.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _json(value: Any) -> str:
    """JSON that stays what it is when a page escapes what is hidden in it."""
    text = json.dumps(value, ensure_ascii=False)
    return text if visible(text) == text else json.dumps(value)
