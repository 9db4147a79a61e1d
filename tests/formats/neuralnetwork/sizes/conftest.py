"""What the tests of shapes share."""

import pytest

from tests.formats.neuralnetwork.sizes.net import Net


@pytest.fixture
def new_net():
    return Net
