"""The settings that are not exact, in the order in which they come close."""

import numpy as np
import pytest

from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.layers import ResizeLayer
from coreml_resize_fix.auditing.match import Match
from coreml_resize_fix.coreml.resize_params import ResizeBilinear, Upsample
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded
from coreml_resize_fix.verify import probes
from coreml_resize_fix.verify.rank import ranked

DEFAULT = Upsample("BILINEAR", scaling_factor=(2, 2))


def found(intent, size=(64, 64), tensors=None):
    layer = ResizeLayer("layers[0]", "up", ("up",), DEFAULT, "static", size, (size,), 3)
    return ranked(decide(layer, Match(intent, "layer"), 3), 3, tensors or {})


def test_half_pixel_settings_in_the_order_of_their_shift():
    """The shifts of 64 → 128: align_corners is .246 off, the TensorFlow 1 grid .250."""
    closest = found(Intent(size=(128, 128))).closest
    bilinear = [near for near in closest if not near.params.copies_nearest]
    assert [near.params for near in bilinear[:2]] == [
        ResizeBilinear((128, 128)),
        ResizeBilinear((128, 128), "ALIGN_ENDPOINTS_MODE"),
    ]
    assert bilinear[0].max_shift_px == pytest.approx(0.246, abs=5e-4)
    assert bilinear[-1].max_shift_px == pytest.approx(0.25)
    shifts = [near.max_shift_px for near in closest]
    assert shifts == sorted(shifts)
    assert all(near.mean_abs_error > 0 for near in closest)


def test_what_is_matched_has_no_ranking():
    assert found(Intent(align_corners=True, size=(128, 128))).closest == ()


def test_recorded_tensors_decide_the_error():
    """Against a constant picture every setting is exact, whatever its shift."""
    flat = Recorded(np.ones((1, 3, 8, 8), np.float32), np.ones((1, 3, 16, 16), np.float32))
    closest = found(Intent(size=(16, 16), index=0), (8, 8), {0: flat}).closest
    assert closest
    assert max(near.mean_abs_error for near in closest) < 1e-12
    assert closest[-1].max_shift_px > 0.2


def test_natural_noise_falls_with_frequency():
    image = probes.natural((64, 96))
    assert np.abs(image).max() == 1.0
    power = np.abs(np.fft.fft2(image)) ** 2
    low = power[1:4, 1:4].mean()
    high = power[28:36, 40:56].mean()
    assert low > 20 * high
