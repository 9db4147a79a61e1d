"""How often an audit walks over the sizes of a file: where a walk would find what is known, never.

Counted, not timed. A walk is an evaluation of every layer or operation at one size of the inputs.
"""

import os

import pytest

from coreml_resize_fix.formats.mlprogram.sizes.evaluate import Evaluation as OfProgram
from coreml_resize_fix.formats.neuralnetwork.sizes.evaluate import Evaluation as OfLayers
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import cases

# One resize each, of fixed size: one that is right as converted, and two that are not.
MATCHING = "corpus/blog_same_acT"
WRONG = "corpus/blog_size2x_acT"
PROGRAM = "mlprogram/mil_ml17_resize_nearest"


@pytest.fixture
def walks(monkeypatch):
    found = []
    for kind in (OfLayers, OfProgram):
        begin = kind.__init__

        def counted(self, *given, begin=begin, **named):
            found.append(1)
            begin(self, *given, **named)

        monkeypatch.setattr(kind, "__init__", counted)
    return found


def verdicts(folder, **how):
    """The verdicts of an audit; `assume` or `manifest` says what was called."""
    if folder == PROGRAM:
        pytest.importorskip(
            "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=4'"
        )
    file = "model.mlpackage" if folder == PROGRAM else "model.mlmodel"
    path = os.path.join(cases.FIXTURES, folder, file)
    report = pipeline.process(path, pipeline.Request(dry_run=True, verify=None, **how))
    return [finding.verdict for finding in report.findings]


@pytest.mark.parametrize("folder", [MATCHING, WRONG, PROGRAM])
def test_an_inventory_walks_once(folder, walks):
    assert verdicts(folder) == ["no-intent"]
    assert len(walks) == 1


@pytest.mark.parametrize(
    ("folder", "verdict"), [(MATCHING, "match"), (WRONG, "fixable"), (PROGRAM, "fixable")]
)
def test_a_call_that_makes_the_same_size_needs_no_other_walk(folder, verdict, walks):
    assert verdicts(folder, assume=Intent(align_corners=True)) == [verdict]
    assert len(walks) == 1


@pytest.mark.parametrize(("folder", "verdict"), [(MATCHING, "match"), (WRONG, "fixable")])
def test_calls_are_matched_by_one_walk_more_in_which_no_size_counts(folder, verdict, walks):
    assert verdicts(folder, manifest=cases.named(os.path.basename(folder)).intents()) == [verdict]
    assert len(walks) == 2


def test_a_call_that_makes_another_size_is_walked_with_it(walks):
    call = Intent(align_corners=True, scale_factor=(3.0, 3.0))
    assert verdicts(WRONG, assume=call) == ["fixable"]
    assert len(walks) > 1
