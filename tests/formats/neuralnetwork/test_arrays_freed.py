"""The command seldom looks for cycles, so what holds arrays must not be in one."""

import gc
import weakref

import numpy as np
import pytest

from coreml_resize_fix.formats.neuralnetwork.execute.call import LayerCall
from tests.support import build


@pytest.mark.parametrize("parts", [None, lambda path: None])
def test_a_computed_layer_is_freed_when_it_was_last_used(parts):
    layer = build.network((3, 8, 8), [build.RELU]).neuralNetwork.layers[0]
    gc.disable()
    try:
        call = LayerCall(layer, [np.ones(3)], np.dtype(np.float32), parts)
        freed = weakref.ref(call)
        del call
        assert freed() is None
    finally:
        gc.enable()
