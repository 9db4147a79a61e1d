"""A fix in memory, compared with what is expected of it field by field."""

from typing import Any, List

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import edits, wirediff
from tests.support.wirediff import Path

ASK = Intent(align_corners=True, size=(9, 12))  # a factor of 1.5 that was truncated to 1
STRICT = edits.strict(9, 12)

# Paths of a file: the output's description, and the type of the first layer of a network.
OUTPUT: Path = ((2, 0), (10, 0))
RESIZE: Path = ((500, 0), (1, 0), (210, 0))


def array(*shape: int) -> str:
    """An array as the type of a feature, in protobuf text format."""
    sizes = " ".join("shape: {}".format(size) for size in shape)
    return "multiArrayType { dataType: FLOAT32 " + sizes + " }"


def fixed(
    model: Any, allowed: List[Path], expected: Any, ask: Intent = ASK
) -> pipeline.ModelReport:
    """Fix a model and compare: only these fields may change, and only to what is expected."""
    data = model.SerializeToString()
    report, result = pipeline.process_bytes(data, "model", pipeline.Request(assume=ask))
    assert report.exit_code == 0
    found = wirediff.changes(data, result, wirediff.opened(allowed))
    assert sorted(change.path for change in found) == sorted(allowed)
    assert edits.parse(result) == expected
    again, unchanged = pipeline.process_bytes(result, "model", pipeline.Request(assume=ask))
    assert (again.exit_code, unchanged) == (0, result)
    return report
