"""Random models: the spliced file is the message that protobuf edits.

`python -m hardening.differential` does the same for thousands of them.
"""

from collections import Counter

import pytest

from coreml_resize_fix.formats.protobuf import schema
from hardening import differential, networks
from tests.support.cases import IOS14_VERSION

pytestmark = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="requests of iOS {} layers need coremltools 4: pip install 'coremltools>=4'".format(14),
)
MODELS = 240


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_splice_is_the_edit_of_protobuf():
    found = Counter(differential.compare(seed) for seed in range(MODELS))
    assert sum(found.values()) == MODELS
    assert found["same bytes"] > MODELS // 2
    assert found["same message"] > MODELS // 10


def test_random_models_have_what_an_edit_could_lose():
    texts = [str(networks.made(seed).model) for seed in range(60)]
    for word in ("custom {", "pipelineClassifier {", "branch {", "quantization {", "userDefined {"):
        assert sum(word in text for text in texts) > 5, word
    made = [networks.made(seed).model.SerializeToString() for seed in range(60)]
    assert sum(b"future" in data for data in made) > 10
    assert max(len(data) for data in made) > IOS14_VERSION * 4096


@pytest.mark.slow
def test_programs_that_are_spliced_are_those_that_protobuf_edits():
    """`python -m hardening.differential --programs 2000` compares thousands."""
    pytest.importorskip(
        "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
    )
    from hardening import program_differential

    found = Counter(program_differential.compare(seed) for seed in range(40))
    assert found["same message"] > 30
