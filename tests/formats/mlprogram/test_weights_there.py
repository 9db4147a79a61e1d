"""Weight files that do not hold what the program reads."""

from pathlib import Path

import pytest

from coreml_resize_fix import audit
from coreml_resize_fix.errors import ModelError
from tests.formats.mlprogram import calls

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 999\n"
CUT = {
    "which is not there": None,
    "which ends before byte 64, where the model has a constant": b"",
    "which ends inside of the constant at byte": -1,
    "which has no constant at byte 64, where the model has one": bytes(1 << 20),
    "which is a Git LFS pointer\nhelp: fetch the file with `git lfs pull`": POINTER,
}


@pytest.mark.parametrize("says", list(CUT))
def test_a_model_whose_weights_are_not_all_there_is_refused(says, tmp_path):
    """Nothing could run it, and what a fix would make of it."""
    path = calls.copied("head_ml17_bicubic", tmp_path)
    place = Path(path, "Data", "com.apple.CoreML", "weights", "weight.bin")
    data = place.read_bytes()
    place.unlink()
    if CUT[says] is not None:
        place.write_bytes(data[:-1] if CUT[says] == -1 else CUT[says])
    with pytest.raises(ModelError) as caught:
        audit(path)
    said = f"`{path}` is an ML Program that reads its weights from `weights/weight.bin`, {says}"
    assert str(caught.value).startswith(said)
