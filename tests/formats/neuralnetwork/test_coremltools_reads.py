"""coremltools itself, in a process of its own, reads every result."""

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.run import pipeline
from tests.formats.neuralnetwork.test_fix_fixtures import MENDED
from tests.support import edits
from tests.support.folders import copied
from tests.support.process import WITHOUT_TORCH, answer

READER = """
import json, os, sys
import coremltools

found = {}
for name in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], name)
    spec = coremltools.utils.load_spec(path)
    model = coremltools.models.MLModel(path)
    again = model.get_spec()
    resaved = os.path.join(sys.argv[2], "resaved.mlmodel")
    model.save(resaved)
    found[name] = {
        "kind": spec.WhichOneof("Type"),
        "version": spec.specificationVersion,
        "same in MLModel": spec.SerializeToString(deterministic=True)
        == again.SerializeToString(deterministic=True),
        "saves": coremltools.utils.load_spec(resaved).WhichOneof("Type"),
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def what_coremltools_reads(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    for case in MENDED:
        model = copied(case.path, tmp_path_factory.mktemp("inputs"))
        target = str(results / (case.name + ".mlmodel"))
        pipeline.process(
            model, pipeline.Request(manifest=case.intents(), partial=True, output=target)
        )
    saved = tmp_path_factory.mktemp("saved")
    return answer(WITHOUT_TORCH + READER, str(results), str(saved))


@pytest.mark.slow
@pytest.mark.parametrize("case", MENDED, ids=lambda case: case.name)
def test_coremltools_loads_the_result(case, what_coremltools_reads):
    before = edits.parsed(case.path)
    expected = edits.apply(edits.parsed(case.path), edits.mends(case)[0])
    assert what_coremltools_reads[case.name + ".mlmodel"] == {
        "kind": before.WhichOneof("Type"),
        "version": expected.specificationVersion,
        "same in MLModel": True,
        "saves": before.WhichOneof("Type"),
    }


@pytest.mark.slow
def test_there_is_a_result_of_every_case(what_coremltools_reads):
    assert len(what_coremltools_reads) == (42 if schema.knows_ios14() else 41)
