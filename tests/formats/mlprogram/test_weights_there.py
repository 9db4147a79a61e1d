"""Weight files that do not hold what the program reads."""

from pathlib import Path

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import audit, fix
from coreml_resize_fix.errors import ModelError, OutputError
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


def test_a_result_stays_beside_its_weights(tmp_path):
    """A model file of an unpacked package, whose result is to go elsewhere."""
    name = "ct9_ex17_range_other_bilF"
    whole = Path(calls.copied(name, tmp_path))
    source = whole / "Data" / "com.apple.CoreML" / "model.mlmodel"
    (whole / "Manifest.json").unlink()
    target = tmp_path / "new.mlmodel"
    with pytest.raises(OutputError) as caught:
        fix(str(source), calls.with_sizes(name), output=str(target))
    assert caught.value.message == (
        f"`{target}` would read its weights from `weights/weight.bin` beside it, which is not there"
    )
    assert not target.exists()
    assert fix(str(source), calls.with_sizes(name)) == str(source).replace("model.", "model-fixed.")
