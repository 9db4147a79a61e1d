"""Which resizes an ONNX file and a model share, and how many of them are compared."""

import numpy as np
import pytest

from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.reference import Blobs, Reference
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.verify.reference import Comparison
from tests.support import build

COUNT = 70
NAMES = ["up{}".format(number) for number in range(COUNT)]


@pytest.mark.parametrize("shared", [NAMES, NAMES[10:15], []], ids=len)
def test_some_from_the_whole_of_the_network(shared):
    network = build.network((1, 2, 2), [build.RELU], version=3)
    resizes = [(name, ["image"], name, build.DOUBLE) for name in NAMES]
    build.named(network.neuralNetwork, resizes)
    data = network.SerializeToString()
    model = open_bytes(data, "made")
    execution = model.execution(np.dtype(np.float32))
    request = pipeline.Request(assume=Intent(align_corners=True), dry_run=True)
    findings = pipeline.process_bytes(data, "made", request)[0].findings
    image = np.ones((1, 2, 2), np.float32)
    asked = []

    def compute(names):
        asked.extend(names)
        return {name: image * NAMES.index(name) for name in names}

    blobs = Blobs({**dict.fromkeys(shared, True), "image": False}, compute)
    reference = Reference("net.onnx", {"image": image}, {"scores": image}, {}, blobs)
    comparison = Comparison(reference, execution.inputs, execution.outputs, None, False)
    found = comparison.shared_resizes(model, findings)
    assert list(found) == asked
    assert all(name == blob and (array == NAMES.index(blob)).all()
               for blob, (name, array) in found.items())  # fmt: skip
    if len(shared) <= 32:
        assert asked == shared
    else:
        places = [shared.index(name) for name in asked]
        assert len(places) <= 32
        # Evenly spread, from the first to nearly the last.
        assert set(np.diff(places)) == {places[1]}
        assert places[0] == 0
        assert places[-1] + places[1] >= COUNT
