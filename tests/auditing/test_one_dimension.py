"""1-D resizes are converted as maps of one column, between expandDims and squeeze."""

import random

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build

pytestmark = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="coremltools 3 has no layers of iOS 14: pip install 'coremltools>=4'",
)
MODES = {True: "ALIGN_CORNERS_TRUE", False: "ALIGN_CORNERS_FALSE"}


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_generated_lines(tmp_path, seed):
    rng = random.Random(seed)
    length, factor = rng.randint(3, 40), rng.randint(2, 4)
    wanted = length * factor + (rng.randint(1, length - 1) if rng.random() < 0.3 else 0)
    converted, asked = rng.choice((True, False)), rng.choice((True, False))
    layers = [
        "expandDims { axes: 3 }",
        "upsample {{ scalingFactor: {} scalingFactor: 1 mode: BILINEAR "
        "linearUpsampleMode: {} }}".format(factor, MODES[converted]),
        "squeeze { axes: 3 }",
    ]
    model = build.network((1, 6, length), layers, 5, mapping=build.EXACT)
    path = build.write(tmp_path, model)
    known = {"align_corners": asked, "input_size": (length, 1), "channels": 6}
    # By layer, by order, and with the size in either form.
    layer = rng.choice((None, "b2_1"))
    if wanted == length * factor and rng.random() < 0.5:
        intent = Intent(layer=layer, scale_factor=(float(factor), 1.0), **known)
    else:
        intent = Intent(layer=layer, size=(wanted, 1), output_size=(wanted, 1), **known)
    right = converted == asked and wanted == length * factor
    fixed = str(tmp_path / "fixed.mlmodel")
    report = pipeline.process(path, pipeline.Request(manifest=[intent], output=fixed))
    (finding,) = report.findings
    assert finding.verdict == ("match" if right else "fixed")
    assert finding.intended_size == (wanted, 1)
    assert (
        pipeline.process(fixed, pipeline.Request(manifest=[intent])).findings[0].verdict == "match"
    )
