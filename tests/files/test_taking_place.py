"""How a result takes its place: other files, permission bits and links stay as they are."""

import errno
import os

import pytest

from coreml_resize_fix.errors import OutputError
from tests.support import saving
from tests.support.folders import contents
from tests.support.saving import NEW, OLD, PLACES


def no_hard_links(*args, **options):
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
@pytest.mark.parametrize("name", ["new file", "new package"])
def test_a_target_that_appears_meanwhile_is_left_alone(name, links, tmp_path, monkeypatch):
    place = PLACES[name](str(tmp_path))
    if not links:
        monkeypatch.setattr(os, "link", no_hard_links)

    def appear(path):
        os.makedirs(os.path.dirname(place.result), exist_ok=True)
        with open(place.result, "wb") as file:
            file.write(b"of another")

    before = contents(tmp_path)
    with pytest.raises(OutputError, match="exists"):
        place.save(appear)
    after = contents(tmp_path)
    assert after[os.path.relpath(place.result, str(tmp_path))][0] == b"of another"
    assert {key: value for key, value in after.items() if not key.startswith("new")} == before


def test_without_hard_links_a_new_file_is_written_all_the_same(tmp_path, monkeypatch):
    place = PLACES["new file"](str(tmp_path))
    monkeypatch.setattr(os, "link", no_hard_links)
    place.save()
    assert {name: value[0] for name, value in contents(tmp_path).items()} == {
        "model.mlmodel": OLD,
        "new.mlmodel": NEW,
    }


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755, 0o444])
@pytest.mark.parametrize("name", ["file in place", "file by force", "package in place"])
def test_what_is_replaced_keeps_its_permission_bits(name, bits, tmp_path):
    place = PLACES[name](str(tmp_path))
    os.chmod(place.result, bits)
    place.save()
    assert saving.mode(place.result) == bits


@pytest.mark.parametrize(("mask", "bits"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_usual_permission_bits(mask, bits, tmp_path):
    place = PLACES["new file"](str(tmp_path))
    before = os.umask(mask)
    try:
        place.save()
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert saving.mode(place.result) == bits


def test_in_place_through_a_link_replaces_the_file_that_it_leads_to(tmp_path):
    real, links = tmp_path / "real", tmp_path / "links"
    real.mkdir()
    links.mkdir()
    place = PLACES["file in place"](str(real))
    os.symlink(os.path.join("..", "real", "model.mlmodel"), str(links / "link.mlmodel"))
    link = str(links / "link.mlmodel")
    folders = []
    through = place._replace(path=link, model_file=link)
    through.save(lambda path: folders.append(os.path.dirname(path)))
    # A rename does not cross file systems, so the new file must begin where it is to stay.
    assert folders == [str(real)]
    assert os.readlink(link) == os.path.join("..", "real", "model.mlmodel")
    assert sorted(os.listdir(str(links))) == ["link.mlmodel"]
    assert {name: value[0] for name, value in contents(real).items()} == {"model.mlmodel": NEW}
