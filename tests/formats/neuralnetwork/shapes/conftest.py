"""What the tests of shapes share."""

import pytest

from tests.formats.neuralnetwork.shapes.net import Net


@pytest.fixture
def new_net():
    return Net
