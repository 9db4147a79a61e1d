"""A file or a package that takes its place whole, or not at all."""

import errno
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from typing import BinaryIO, Iterator, List

from coreml_resize_fix.errors import OutputError, reason
from coreml_resize_fix.files.exchange import exchange

_HINTS = {errno.ENAMETOOLONG: "nothing was written; choose a shorter name with `-o`"}


@contextmanager
def file(target: str, replace: bool, size: int = 0) -> Iterator[BinaryIO]:
    """A file beside `target` that takes its place when the block ends well, and goes if not.

    With `replace` an existing target is overwritten and keeps its permission bits, and of a link
    the file that it leads to; without it, a target that appeared meanwhile is left alone. Room for
    `size` bytes is taken at once: a full disk shows before anything is copied, and the copy is
    faster.

    Raises:
        OutputError: the folder cannot be written, or the target exists, is a link to nowhere, or
            something that no file replaces.
    """
    target = os.path.realpath(target) if replace else os.path.abspath(target)
    if replace:
        refuse_special(target)
    folder, name = os.path.split(target)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".crf-", suffix=".tmp", dir=folder)
    except OSError as error:
        raise OutputError(
            "cannot write in `{}`: {}".format(folder, reason(error)),
            "choose a folder that you may write to, for a model with `-o`",
        ) from error
    try:
        os.close(handle)
        with open(temporary, "wb") as out:
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(out.fileno(), 0, size)
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.chmod(temporary, _mode_for(target))
        _keep_attributes(target, temporary)
        _take_place(temporary, target, replace)
    except OSError as error:
        raise OutputError(
            "cannot write `{}`: {}".format(name, reason(error)),
            _HINTS.get(
                error.errno or 0,
                "nothing was written; free the space or the permission and run again",
            ),
        ) from error
    finally:
        _clean(temporary)


def refuse_special(target: str) -> None:
    """Refuse what a rename would destroy and nobody means, `/dev/null` above all.

    Raises:
        OutputError: the target is a pipe or a device, or a link that leads nowhere.
    """
    if os.path.islink(os.path.realpath(target)):
        raise OutputError(
            "`{}` is a link that cannot be followed".format(target), "name the file that is meant"
        )
    if os.path.exists(target) and not (os.path.isfile(target) or os.path.isdir(target)):
        raise OutputError(
            "`{}` is a pipe or a device, which is not replaced".format(target),
            "name a file; `--dry-run` writes none",
        )


def _clean(temporary: str) -> None:
    """Remove what is left of a try; once more if the system failed, for nothing depends on it."""
    for _ in range(2):
        with suppress(OSError):
            if os.path.isdir(temporary):
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                os.unlink(temporary)


def send_to_disk(out: BinaryIO, start: int) -> int:
    """Let the system write what came after `start` while more is copied; returns the new end.

    The final fsync then finds little left to do, which halves the time of a large copy.
    """
    out.flush()
    end = out.tell()
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(out.fileno(), start, end - start, os.POSIX_FADV_DONTNEED)
    return end


def _keep_attributes(target: str, temporary: str) -> None:
    """Give a file the extended attributes of the one that it replaces, where the system has them.

    Those that only the system may set, or that the file system refuses, are left out.
    """
    if not (hasattr(os, "listxattr") and os.path.exists(target)):
        return
    with suppress(OSError):
        for name in os.listxattr(target):
            with suppress(OSError):
                os.setxattr(temporary, name, os.getxattr(target, name))


def _mode_for(target: str) -> int:
    if os.path.exists(target):
        return stat.S_IMODE(os.stat(target).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _take_place(temporary: str, target: str, replace: bool) -> None:
    if replace:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)
    except OSError:
        if os.path.lexists(target):
            raise OutputError(
                "`{}` exists".format(target),
                "pass `--force` to overwrite it, or choose another `-o`",
            ) from None
        os.replace(temporary, target)  # a file system without hard links


@contextmanager
def package(target: str, package: str, model_file: str, replace: bool) -> Iterator[str]:
    """The model file to write so that `target` becomes the package with another model.

    The new package is built beside its target and takes its place when the block ends well.
    Without `replace`, a target that appeared meanwhile is left alone.

    Raises:
        OutputError: the package cannot be copied, or not be put in its place.
    """
    folder = os.path.dirname(os.path.abspath(target))
    model_file = os.path.realpath(model_file)
    try:
        temporary = tempfile.mkdtemp(prefix=".crf-", suffix=".tmp", dir=folder)
    except OSError as error:
        raise _unwritable(folder, error) from error

    def is_model(directory: str, names: List[str]) -> List[str]:
        paths = {name: os.path.join(directory, name) for name in names}
        files = {name: path for name, path in paths.items() if not os.path.islink(path)}
        return [name for name, path in files.items() if os.path.realpath(path) == model_file]

    try:
        new = os.path.join(temporary, "new")
        try:
            shutil.copytree(package, new, symlinks=True, ignore=is_model)
        except OSError as error:
            raise _unwritable(folder, error) from error
        built = os.path.join(new, os.path.relpath(model_file, os.path.realpath(package)))
        yield built
        shutil.copymode(model_file, built)
        try:
            _take_package_place(new, target, os.path.join(temporary, "old"), replace)
        except OSError as error:
            raise _unwritable(folder, error) from error
    finally:
        _clean(temporary)


def _take_package_place(new: str, target: str, old: str, replace: bool) -> None:
    """Rename `new` to `target`; what was there changes places with it, or goes to `old`."""
    if not os.path.lexists(target):
        os.rename(new, target)
        return
    if not replace:
        raise OutputError(
            "`{}` exists".format(target), "pass `--force` to overwrite it, or choose another `-o`"
        )
    if exchange(new, target):
        return
    # In between there is no package for a moment; a system that can do better just did.
    os.rename(target, old)
    try:
        os.rename(new, target)
    except OSError:
        os.rename(old, target)
        raise


def _unwritable(folder: str, error: OSError) -> OutputError:
    return OutputError(
        "cannot write in `{}`: {}".format(folder, reason(error)),
        "choose a folder that you may write to, with room for the package, with `-o`",
    )
