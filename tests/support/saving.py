"""Every way of putting a result in its place, for tests of what must hold in each of them."""

import json
import os
import stat
from typing import Any, Callable, Dict, NamedTuple, Optional

from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.run import outputs
from tests.support import build

OLD = b"\x08\x01" + bytes(range(256)) * 20
NEW = b"\x08\x03" + bytes(range(256)) * 20
CHANGES = (Patch(1, 2, b"\x03"),)
THERE_BEFORE = b"there before"


class Place(NamedTuple):
    """What `output.save` is asked to do; the result's model is then at `result`."""

    path: str
    model_file: str
    target: Optional[str]
    force: bool
    result: str

    def save(self, prove: Callable[[str], None] = lambda path: None) -> str:
        return outputs.save(self.path, self.model_file, self.target, CHANGES, self.force, prove)


def new_file(folder: str) -> Place:
    path, target = build.write(folder, OLD), os.path.join(folder, "new.mlmodel")
    return Place(path, path, target, False, target)


def file_by_force(folder: str) -> Place:
    place = new_file(folder)
    build.write(folder, THERE_BEFORE, "new.mlmodel")
    return place._replace(force=True)


def file_in_place(folder: str) -> Place:
    path = build.write(folder, OLD)
    return Place(path, path, None, False, path)


def new_package(folder: str) -> Place:
    path, target = build.write_package(folder, OLD), os.path.join(folder, "new.mlpackage")
    inside = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
    return Place(path, os.path.join(path, inside), target, False, os.path.join(target, inside))


def package_by_force(folder: str) -> Place:
    place = new_package(folder)
    there = build.write_package(folder, THERE_BEFORE, "new.mlpackage")
    build.write(there, b"of the old package", "old.txt")
    return place._replace(force=True)


def package_in_place(folder: str) -> Place:
    place = new_package(folder)
    return place._replace(target=None, result=place.model_file)


PLACES: Dict[str, Callable[[str], Place]] = {
    "new file": new_file,
    "file by force": file_by_force,
    "file in place": file_in_place,
    "new package": new_package,
    "package by force": package_by_force,
    "package in place": package_in_place,
}


def making_fails(monkeypatch: Any, error: BaseException) -> None:
    """No file and no folder can be made any more."""
    really_open = os.open

    def open_(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            raise error
        return really_open(path, flags, *more, **options)

    def mkdir(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "mkdir", mkdir)


def as_json(place: Place) -> str:
    """A place as an argument of another process."""
    return json.dumps(list(place))


def mode(path: Any) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(os.stat(str(path)).st_mode)
