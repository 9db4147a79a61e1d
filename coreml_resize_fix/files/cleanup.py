"""What must be done at the end, whatever fails or interrupts it."""

import os
import shutil
import stat
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from coreml_resize_fix.errors import OutputError, ResizeFixError, reason
from coreml_resize_fix.files import failures


def name_beside(target: str) -> str:
    """A name for what is not finished, in the folder of `target`.

    It is known before anything bears it, so that an interrupt of the first call leaves nothing.

    Raises:
        OutputError: the folder may not be searched, so that nobody could tell if it was left.
    """
    folder = os.path.dirname(target)
    try:
        os.stat(os.path.join(folder, os.curdir))
    except OSError as error:
        raise failures.unwritable(folder, error) from error
    return os.path.join(folder, f".crf-{os.urandom(8).hex()}.tmp")


@contextmanager
def afterwards(action: Callable[[], None]) -> Iterator[None]:
    """Do something when the block ends, well or not.

    It is done again if the system fails once or an interrupt comes meanwhile, which is served then;
    so it must be something that may be repeated.

    Raises:
        OutputError: it could not be done. An error of the block says so in its hint instead.
    """
    failed: Optional[BaseException] = None
    try:
        yield
    except BaseException as error:
        failed = error
        raise
    finally:
        try:
            action()
        except OutputError:
            _once_more(action, failed)
        except BaseException:
            action()
            raise


def _once_more(action: Callable[[], None], failed: Optional[BaseException]) -> None:
    try:
        action()
    except OutputError as left:
        if not isinstance(failed, ResizeFixError):
            raise
        failed.hint = f"{failed.hint}; and {left}: {left.hint}"


def remove(path: str) -> None:
    """Remove a file, or a folder with read-only folders in it; there need be neither.

    Raises:
        OutputError: it cannot be removed.
    """
    try:
        _remove(path)
    except OSError as error:
        raise OutputError(
            f"`{path}` could not be removed: {reason(error)}",
            "delete it yourself, nothing depends on it",
        ) from error


def _remove(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        os.unlink(path)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        _unlock(path)
        shutil.rmtree(path)


def _unlock(folder: str) -> None:
    """Allow the owner to change every folder below, and this one; links are not followed."""
    locked = [folder]
    while locked:
        place = locked.pop()
        os.chmod(place, stat.S_IRWXU)
        with os.scandir(place) as entries:
            locked += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
