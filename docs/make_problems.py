"""Write the README's table of converters: `python docs/make_problems.py`.

It audits what the converters themselves wrote (`tests/fixtures/make_calls.py`).
"""

import json
import os
from typing import Dict, List, Tuple

from coreml_resize_fix import audit
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.findings import FIXABLE, MATCH, Finding

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = os.path.join(ROOT, "README.md")
FIXTURES = os.path.join(ROOT, "tests", "fixtures", "calls")
BEGIN, END = "<!-- docs/make_problems.py writes from here -->", "<!-- to here -->"

# folder → its head in the table
CONVERTERS: Dict[str, str] = {
    "onnx-coreml": "onnx-coreml",
    "coremltools-neural-network": "coremltools NeuralNetwork",
    "coremltools-ml-program": "coremltools ML Program",
    "onnx2coreml": "onnx2coreml",
}
# name of the intent → the call in the table
CALLS: Dict[str, str] = {
    "corners_twice": "bilinear, `align_corners=True`, ×2",
    "corners_odd": "bilinear, `align_corners=True`, 7×10 → 17×25",
    "half_twice": "bilinear, `align_corners=False`, ×2",
    "half_by_factor": "bilinear, `align_corners=False`, `scale_factor=1.5`",
    "nearest_twice": "nearest, ×2",
    "nearest_by_factor": "nearest, `scale_factor=2.3`",
    "antialias": "bilinear, `antialias=True`, smaller",
    "bicubic": "bicubic",
}
_WORDS: Dict[Code, str] = {
    Code.NEAREST_BECAME_BILINEAR: "interpolates",
    Code.ANTIALIAS_DROPPED: "filter is lost",
    Code.SIZE_DEPENDS_ON_ROUNDING: "size is left to rounding",
}


def text() -> str:
    """The table, and what can be done."""
    cells: Dict[Tuple[str, str], str] = {}
    wrong = alone = 0
    versions: List[str] = []
    for folder in CONVERTERS:
        facts, found = _audited(folder, decompose=False)
        versions.append(facts["converter"])
        cells.update({(name, folder): "refused" for name in facts["refused"]})
        cells.update({(name, folder): _cell(finding) for name, finding in found.items()})
        wrong += sum(finding.verdict != MATCH for finding in found.values())
        alone += sum(finding.verdict == FIXABLE for finding in found.values())
        _, allowed = _audited(folder, decompose=True)
        left = [name for name, one in allowed.items() if one.verdict not in (MATCH, FIXABLE)]
        if left:
            raise ValueError(f"{folder}: nothing computes {left}")
    rows = [["PyTorch was asked for", *CONVERTERS.values()], ["---"] * (1 + len(CONVERTERS))]
    rows += [
        [said, *(cells[name, folder] for folder in CONVERTERS)] for name, said in CALLS.items()
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    *used, last = dict.fromkeys(versions)
    lines += [
        "",
        f"Measured in what {', '.join(used)} and {last} made of one network of PyTorch 2.13.",
        "`px` are pixels of the map that is read; *refused* means by the converter, or by the "
        "exporter before it.",
        f"All {wrong} wrong ones have an exact fix: {alone} in one layer, {wrong - alone} in "
        "several (`--decompose`). Refused ones convert through `exportable`.",
    ]
    return "\n".join(lines) + "\n"


def _audited(folder: str, decompose: bool) -> Tuple[dict, Dict[str, Finding]]:
    """What is known of a converter, and the finding on each call."""
    path = os.path.join(FIXTURES, folder)
    with open(os.path.join(path, "meta.json"), encoding="utf-8") as file:
        facts = json.load(file)
    suffix = "mlpackage" if facts["kind"] == "ml-program" else "mlmodel"
    report = audit(
        os.path.join(path, "model." + suffix),
        os.path.join(path, "intent.json"),
        decompose=decompose,
        verify=False,
    )
    if report.unused:
        raise ValueError(f"{folder}: calls without a layer: {report.unused}")
    return facts, {finding.intent.name: finding for finding in report.findings}


def _cell(finding: Finding) -> str:
    """What is wrong with a layer, in a few words."""
    if finding.verdict == MATCH:
        return "right"
    words = [_WORDS[code] for code in finding.codes if code in _WORDS]
    if words:
        return f"**{words[0]}**"
    made, wanted = finding.layer.output_size, finding.intended_size
    if made != wanted:
        return "**{}×{}, not {}×{}**".format(*made, *wanted)
    return f"**{finding.max_shift_px:.2f} px off**"


def within(readme: str) -> str:
    """The README with the table as it is now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text()}{END}{after}"


if __name__ == "__main__":
    with open(PATH, encoding="utf-8") as file:
        made = within(file.read())
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(made)
