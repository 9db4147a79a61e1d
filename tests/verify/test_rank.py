"""The settings that are not exact, in the order in which they come close."""

import random
from dataclasses import replace

import numpy as np
import pytest

from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.match import Match
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.formats.input_sizes import InputSizes
from coreml_resize_fix.formats.neuralnetwork import natives
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Recorded
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.verify import probes
from coreml_resize_fix.verify.rank import with_closest
from tests.auditing.verdict_values import (
    default,
    endpoints,
    judge,
    nearest,
    static,
    strict,
    upsample,
)
from tests.support import build

DEFAULT = Upsample("BILINEAR", scaling_factor=(2, 2))


def found(intent, size=(64, 64), tensors=None):
    layer = ResizeLayer("layers[0]", "up", ("up",), DEFAULT, InputSizes.static(size), 3)
    layer = replace(layer, find_natives=natives.in_place_of)
    return with_closest(decide(layer, Match(intent, "layer"), Allowed(3)), 3, tensors or {})


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


def half_pixel(before, after):
    return np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)


def averaged(before, after):
    """Mean index of the whole pixels that adaptive pooling reads."""
    first = np.arange(after) * before // after
    last = -(-(np.arange(after) + 1) * before // after)
    return (first + last - 1) / 2


# How far each setting of iOS 12 reads, of those that make the size.
POSITIONS = {
    "STRICT": lambda x, n: np.linspace(0, x - 1, n),
    "ENDPOINTS": lambda x, n: np.linspace(0, x - 1, n) if n > 1 else np.array([(x - 1) / 2]),
    "UPSAMPLE": lambda x, n: np.minimum(np.arange(n) * x / n, x - 1),
    "NN": lambda x, n: np.arange(n) // (n // x),
}
BY_NAME = {
    "STRICT": lambda before, after: strict(*after),
    "ENDPOINTS": lambda before, after: endpoints(*after),
    "UPSAMPLE": lambda before, after: upsample(*after),
    "DEFAULT": lambda before, after: default(*(n // x for x, n in zip(before, after))),
    "NN": lambda before, after: nearest(*(n // x for x, n in zip(before, after))),
}


@pytest.mark.mostly_slow(quick=10)
@pytest.mark.parametrize("seed", range(200))
def test_one_answer_to_what_comes_closest(seed):
    """The message and the table say the same, and it is what reads the least far off."""
    rng = random.Random(seed)
    before = rng.randint(1, 12), rng.randint(1, 12)
    if rng.random() < 0.5:
        after = tuple(n * rng.randint(1, 3) for n in before)
    else:
        after = rng.randint(1, 30), rng.randint(1, 30)
    mode = rng.choice(("bilinear", "area"))
    asked = averaged if mode == "area" else half_pixel
    whole = all(n % x == 0 for x, n in zip(before, after))
    names = ["STRICT", "ENDPOINTS", "UPSAMPLE"] + ["DEFAULT", "NN"] * whole
    shifts = {
        name: max(
            np.abs(asked(x, n) - POSITIONS[name.replace("DEFAULT", "UPSAMPLE")](x, n)).max()
            for x, n in zip(before, after)
        )
        for name in names
    }
    finding = judge(Intent(mode=mode, size=after), static(DEFAULT, before))
    best = min(shifts.values())
    if finding.verdict != "unmatchable":
        assert best < 1e-9  # what has the same values is the fix
        return
    table = with_closest(finding, 3, {}).closest
    assert {near.params for near in table} == {BY_NAME[name](before, after) for name in names}
    assert table[0].max_shift_px == pytest.approx(best, abs=1e-8)
    assert table[0].mean_abs_error > 0
    first = table[0].params
    what = "the file's own setting" if first == DEFAULT else "`{}`".format(first)
    assert "; closest is {}, up to {:.3f} source".format(what, best) in finding.message


@pytest.mark.parametrize("factor", [(2, 2), (3, 1), (1, 4)])
def test_area_by_whole_factors_copies_and_is_mended_by_a_layer_that_does(factor):
    """Run with PyTorch 2.13: adaptive pooling of 5 rows to 10 gives each row twice."""
    after = tuple(n * f for n, f in zip((5, 6), factor))
    finding = judge(Intent(mode="area", size=after), static(default(2, 2), (5, 6)))
    assert (finding.verdict, finding.after) == ("fixable", nearest(*factor))


def test_what_was_mended_by_copying_stands_its_second_audit(tmp_path):
    """Not pinned to its layer: the intent must be matched with what is written, too."""
    path = build.write(tmp_path, build.network((3, 5, 6), [build.DOUBLE]))
    intents = [Intent(mode="area", size=(10, 12), input_size=(5, 6), channels=3)]
    fixed = str(tmp_path / "fixed.mlmodel")
    assert pipeline.process(path, pipeline.Request(manifest=intents, output=fixed)).exit_code == 0
    (finding,) = pipeline.process(fixed, pipeline.Request(manifest=intents)).findings
    assert (finding.verdict, finding.layer.params) == ("match", nearest(2, 2))


def test_a_bilinear_call_of_one_pixel_is_not_mended_by_one_that_copies():
    finding = judge(Intent(align_corners=True, size=(4, 4)), static(nearest(3, 3), (1, 1)))
    assert (finding.verdict, finding.after) == ("fixable", strict(4, 4))
