"""Layers made by coremltools' NeuralNetworkBuilder have the shapes of their PyTorch or NumPy twins.

Every expectation is a literal or comes from PyTorch or NumPy, never from the code under test.
"""

import contextlib
import io

import pytest

from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.shapes import Known
from tests.formats.neuralnetwork.sizes.builder import (
    elementwise,
    indexing,
    joining,
    normalizing,
    reduction,
    reshaping,
    spatial,
    volume,
)
from tests.formats.neuralnetwork.sizes.builder.calls import build

TABLES = (spatial, volume, elementwise, normalizing, joining, reshaping, indexing, reduction)
ROWS = [row + (False,) for table in TABLES for row in table.EXACT]
ROWS += [row + (True,) for table in TABLES for row in table.RANK5]


def test_row_names_are_unique():
    names = [(row[0], row[-1]) for row in ROWS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("call", "inputs", "expected", "rank5"),
    [row[1:] for row in ROWS],
    ids=[("rank5 " if row[-1] else "") + row[0] for row in ROWS],
)
def test_builder_call(call, inputs, expected, rank5):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            model = build(call, inputs, rank5)
    except (AttributeError, TypeError, ValueError, NotImplementedError) as error:
        import coremltools

        version = getattr(coremltools, "__version__", "3")
        if int(version.split(".")[0]) >= 9:
            raise
        pytest.skip(
            "coremltools {} cannot build it (pip install -U coremltools): {}".format(version, error)
        )
    found = sizes.infer(model)
    assert found.conflicts == ()
    outputs = found.layers["layers[0]"].outputs
    expected = expected if isinstance(expected, list) else [expected]
    assert outputs == tuple(Known(tuple(int(n) for n in dims)) for dims in expected)
    assert found.outputs == {"out": outputs[0]}


def test_the_table_covers_the_rules():
    """Every kind with a rule is built by a row, but for those that coremltools cannot build."""
    import coremltools

    if int(getattr(coremltools, "__version__", "3").split(".")[0]) < 9:
        pytest.skip("needs a builder of all rows: pip install 'coremltools>=9'")
    built = set()
    for _, call, inputs, _, rank5 in ROWS:
        with contextlib.redirect_stderr(io.StringIO()):
            built.add(build(call, inputs, rank5).neuralNetwork.layers[0].WhichOneof("layer"))
    assert set(sizes.RULES) - built == ELSEWHERE


#: Tested in test_values.py and test_bodies.py: sizes that depend on values, near copies, marks.
ELSEWHERE = {
    "sliceDynamic",
    "fillDynamic",
    "randomNormalDynamic",
    "randomUniformDynamic",
    "randomBernoulliDynamic",
    "reshapeDynamic",
    "broadcastToDynamic",
    "rangeDynamic",
    "whereNonZero",
    "randomNormalStatic",
    "randomBernoulliStatic",
    "randomUniformLike",
    "randomBernoulliLike",
    "reverseSeq",
    "scatterND",
    "scatterAlongAxis",
    "loopBreak",
    "loopContinue",
}
