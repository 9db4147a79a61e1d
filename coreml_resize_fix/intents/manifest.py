"""Read manifests: intents in a JSON file, in a long and a short form (docs/manifest.md)."""

import json
import sys
from collections import Counter
from typing import Any, Dict, List, Optional, Tuple

from coreml_resize_fix.errors import DOCS, ManifestError, reason, told
from coreml_resize_fix.intents import fields
from coreml_resize_fix.intents.contradictions import report_contradictions
from coreml_resize_fix.intents.fields import Defects
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import count

FORMAT, VERSION = "coreml-resize-fix/intent", 1
STANDARD_INPUT = "-"  # as a path
LONGEST = 1 << 24  # bytes; the path may be a pipe or a device without end
# Unknown keys for which the nearest known one is looked up, and their greatest length: comparing
# two texts takes the product of their lengths in time.
_MOST_COMPARED, _LONGEST_COMPARED = 20, 200


def load(path: str) -> List[Intent]:
    """Read a manifest file, or what standard input has of one.

    Raises:
        ManifestError: the file cannot be read, or has defects; all of them are listed.
    """
    shown = "standard input" if path == STANDARD_INPUT else path
    if shown.lower().endswith((".mlmodel", ".mlpackage")):
        raise ManifestError(
            f"`{shown}` is named as a model, and stands where a manifest belongs",
            "pass the manifest with `--manifest`, and models without an option",
        )
    try:
        content = _bytes_of(path)
    except OSError as error:
        raise ManifestError(
            f"cannot read the manifest `{shown}`: {reason(error)}",
            "pass the path of a .json file with `--manifest`",
        ) from error
    if len(content) > LONGEST:
        raise ManifestError(
            f"the manifest `{shown}` is longer than {LONGEST >> 20} MiB",
            "pass a .json file with `--manifest`; a hundred thousand intents are shorter",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"the manifest `{shown}` is not UTF-8 text (byte {error.start})",
            "pass a .json file in UTF-8; recorded tensors (.npz) beside it are found by themselves",
        ) from error
    return parse(text, shown)


def _bytes_of(path: str) -> bytes:
    """The content of a file or of standard input, up to one byte more than is allowed."""
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(LONGEST + 1)
    with open(path, "rb") as file:
        return file.read(LONGEST + 1)


def parse(text: str, label: str = "manifest") -> List[Intent]:
    """Intents of a manifest's text; `label` names it in messages.

    Raises:
        ManifestError: the text has defects; all of them are listed, each with its JSON path.
    """
    defects: Defects = []
    try:
        document = json.loads(text, object_pairs_hook=_JsonObject)
    except RecursionError:
        raise ManifestError(
            f"`{label}` is nested too deep to be a manifest",
            "a manifest has lists of objects, nothing deeper",
        ) from None
    except ValueError as error:
        raise ManifestError(
            f"`{label}` is not JSON: {told(error)}",
            "correct the text there, or pass a manifest with `--manifest`",
        ) from error
    intents = from_document(document, defects)
    if defects:
        raise ManifestError(
            f"`{label}` has {count(len(defects), 'defect')}",
            f"correct the manifest; every field: {DOCS}manifest.md",
            [f"{where}: {what}" for where, what in defects],
        )
    return intents


class _JsonObject(Dict[str, Any]):
    """A JSON object that remembers which of its keys were written twice."""

    def __init__(self, pairs: List[Tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.repeated = sorted(key for key, count in counts.items() if count > 1)


def from_document(document: Any, defects: Defects) -> List[Intent]:
    """The intents of parsed JSON; appends what is wrong to `defects`."""
    if not isinstance(document, dict):
        defects.append(("$", f"a manifest is a JSON object, not {fields.json_text(document)}"))
        return []
    if not {"format", "resizes", "version", "producer"} & set(document):
        return _read_short_form(document, defects)
    return _read_long_form(document, defects)


def _read_short_form(document: Dict[str, Any], defects: Defects) -> List[Intent]:
    report_repeats(document, "$", defects)
    intents = []
    for key, entry in document.items():
        where = "$" + _path_step(key)
        values = _resize_values(entry, where, defects, without=("layer", "name"))
        if values is not None:
            intents.append(Intent(layer=key, **values))
    return intents


def _read_long_form(document: Dict[str, Any], defects: Defects) -> List[Intent]:
    report_repeats(document, "$", defects)
    known = ("format", "version", "producer", "resizes")
    report_unknown(document, known, "$", defects)
    if document.get("format", FORMAT) != FORMAT:
        defects.append(
            (
                "$.format",
                f"expected `{FORMAT}`, not {fields.json_text(document['format'])}",
            )
        )
    version = document.get("version", VERSION)
    if fields.whole(version) != VERSION:
        defects.append(("$.version", f"this tool reads version 1, not {fields.json_text(version)}"))
    framework, framework_version = _producer(document.get("producer"), defects)
    resizes = document.get("resizes")
    if not isinstance(resizes, list):
        what = "is missing" if resizes is None else f"is {fields.json_text(resizes)}"
        defects.append(("$.resizes", "a list of resizes is expected, and it " + what))
        return []
    intents = []
    for index, entry in enumerate(resizes):
        where = f"$.resizes[{index}]"
        values = _resize_values(entry, where, defects, framework=framework)
        if values is not None:
            # The version is the producer's; it does not apply to another framework.
            version = framework_version if values["framework"] == framework else None
            intents.append(Intent(framework_version=version, index=index, **values))
    return intents


def _producer(producer: Any, defects: Defects) -> Tuple[str, Optional[str]]:
    if producer is None:
        return "torch", None
    if not isinstance(producer, dict):
        defects.append(("$.producer", f"expected an object, not {fields.json_text(producer)}"))
        return "torch", None
    report_repeats(producer, "$.producer", defects)
    report_unknown(producer, ("framework", "version"), "$.producer", defects)
    values = {}
    for key in ("framework", "version"):
        field = fields.PRODUCER[key]
        values[key] = field.read(producer.get(key), "$.producer." + key, defects)
    return values["framework"] or "torch", values["version"]


def _resize_values(
    entry: Any,
    where: str,
    defects: Defects,
    without: Tuple[str, ...] = (),
    framework: str = "torch",
) -> Optional[Dict[str, Any]]:
    """The checked values of one entry as arguments of `Intent`; None if it has defects."""
    if not isinstance(entry, dict):
        defects.append((where, f"expected an object, not {fields.json_text(entry)}"))
        return None
    before = len(defects)
    report_repeats(entry, where, defects)
    known = [key for key in fields.RESIZE if key not in without]
    report_unknown(entry, known, where, defects)
    values: Dict[str, Any] = {"framework": framework}
    for key in known:
        value = fields.RESIZE[key].read(entry.get(key), where + "." + key, defects)
        if value is not None:
            values[key] = value
    if len(defects) == before:
        report_contradictions(values, where, defects)
    if "sizes" in values and not {"input_size", "output_size"} & set(values):
        observed: Any = values["sizes"]
        made = [pair for pair in observed if values.get("size") in (None, pair[1])]
        values["input_size"], values["output_size"] = (made or observed)[0]
    return values if len(defects) == before else None


def report_unknown(found: Dict[str, Any], known: Any, where: str, defects: Defects) -> None:
    """Append a defect for each unknown key, with the nearest known one."""
    from difflib import get_close_matches

    for key in found:
        if key not in known:
            worth = len(defects) < _MOST_COMPARED and len(key) <= _LONGEST_COMPARED
            near = get_close_matches(key, list(known), n=1, cutoff=0.5) if worth else []
            what = "unknown key; "
            what += f"did you mean `{near[0]}`?" if near else "known keys: " + ", ".join(known)
            defects.append((where + _path_step(key), what))


def report_repeats(found: Dict[str, Any], where: str, defects: Defects) -> None:
    """Append a defect for each key that the text has twice."""
    for key in getattr(found, "repeated", ()):
        defects.append((where + _path_step(key), "this key appears twice"))


def _path_step(key: str) -> str:
    return "." + key if key.isidentifier() else f"[{json.dumps(key, ensure_ascii=False)}]"
