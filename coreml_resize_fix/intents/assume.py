"""Parse `--assume bilinear,align_corners=true`: one intent for every layer without one."""

from typing import Any, Dict, List

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents import fields
from coreml_resize_fix.intents.contradictions import report_contradictions
from coreml_resize_fix.intents.manifest import report_unknown
from coreml_resize_fix.intents.model import Intent

LABEL = "--assume"  # of every intent that was assumed
_WORDS = {"true": True, "false": False, "none": None, "null": None}
_KEYS = (
    "framework",
    "mode",
    "align_corners",
    "antialias",
    "size",
    "scale_factor",
    "recompute_scale_factor",
)


def parse(text: str) -> Intent:
    """The intent in a text such as `bilinear,align_corners=true` or `nearest,scale_factor=2`.

    Pairs are written with an x: `size=25x31`.

    Raises:
        UsageError: the text is not of that form; every part that is wrong is named.
    """
    given: Dict[str, Any] = {}
    defects: fields.Defects = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        name = key if equals else "mode"
        if name in given:
            defects.append(("--assume." + name, "it is given twice"))
        given[name] = _value(value) if equals else key
    report_unknown(given, _KEYS, "--assume", defects)
    values = {
        key: fields.RESIZE[key].read(given.get(key), "--assume." + key, defects) for key in _KEYS
    }
    values = {key: value for key, value in values.items() if value is not None}
    if not given:
        defects.append(("--assume", "it is empty"))
    if not defects:
        report_contradictions(values, "--assume", defects)
    if defects:
        listed = "; ".join(f"{where}: {what}" for where, what in defects)
        raise UsageError(
            f"`--assume {text}` is not an intent: {listed}",
            "write it like `bilinear,align_corners=true` or `nearest,scale_factor=2`",
        )
    return Intent(name=LABEL, **values)


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    numbers: List[Any] = [_number(part) for part in text.lower().split("x")]
    if None in numbers:
        return text
    return numbers[0] if len(numbers) == 1 else numbers


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None
