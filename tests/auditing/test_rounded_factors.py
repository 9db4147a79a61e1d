"""Converters store (N + 1e-4) / X in float32; how a device rounds the product is not known."""

import numpy as np
import pytest

from coreml_resize_fix import predict
from coreml_resize_fix.auditing.comparison import pair
from coreml_resize_fix.conventions.coreml import fractional_factor
from coreml_resize_fix.formats.neuralnetwork.parameters import Upsample
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.support import build


def stored(size, wanted):
    return float(np.float32((wanted + 1e-4) / size))


# (X, N): 1744 is the first N that a product in double precision misses, 3767 the first in single.
@pytest.mark.parametrize(("size", "wanted"), [(10, 25), (1024, 2049), (871, 1744), (939, 3767)])
def test_a_converters_factor_makes_the_size_it_was_made_for(size, wanted):
    factor = stored(size, wanted)
    params = Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", fractional_scaling_factor=(factor, factor))
    intent = Intent(align_corners=True, size=(wanted, wanted))
    assert pair(intent, params, (size, size), (wanted, wanted)).equal


@pytest.mark.parametrize(("size", "wanted"), [(1200, 2401), (1024, 1025), (10, 25)])
def test_a_factor_that_lost_its_fraction_does_not(size, wanted):
    whole = wanted // size
    params = Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", scaling_factor=(whole, whole))
    intent = Intent(align_corners=True, size=(wanted, wanted))
    found = pair(intent, params, (size, size), (wanted, wanted))
    assert not found.equal
    assert found.actual == (whole * size, whole * size)


@pytest.mark.skipif(
    not schema.knows_ios14(), reason="needs coremltools: pip install 'coremltools>=4'"
)
@pytest.mark.parametrize(("size", "factor", "torch"), [(25, 1.16, 28), (100, 0.29, 28)])
def test_a_factor_that_rounds_up_makes_one_more_than_the_call(size, factor, torch):
    """PyTorch floors X * s in double precision; the size is what a run of the layer makes."""
    assert int(size * factor) == torch
    params = Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", fractional_scaling_factor=(factor, factor))
    intent = Intent(align_corners=True, scale_factor=(factor, factor))
    found = pair(intent, params, (size, size), intent.target_size((size, size)))
    assert (found.intended, found.actual) == ((torch, torch), (torch + 1, torch + 1))
    assert not found.equal
    text = (
        f"upsample {{ fractionalScalingFactor: {factor} fractionalScalingFactor: {factor} "
        "mode: BILINEAR linearUpsampleMode: ALIGN_CORNERS_TRUE }"
    )
    model = build.network((1, size, size), [text], version=5, mapping=build.EXACT)
    made = predict(model, {"image": np.zeros((1, size, size), np.float32)})["scores"]
    assert made.shape[-2:] == found.actual


def test_our_own_factors_are_safe_in_both_precisions():
    for size in range(1, 400, 7):
        for wanted in range(1, 4000, 13):
            factor = fractional_factor(size, wanted)
            assert factor == float(np.float32(factor))
            assert int(size * factor) == wanted
            assert int(float(np.float32(size) * np.float32(factor))) == wanted
