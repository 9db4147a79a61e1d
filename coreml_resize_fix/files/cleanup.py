"""Clean up at the end of a block, whatever fails or interrupts it."""

import os
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, Optional

from coreml_resize_fix.errors import OutputError, ResizeFixError, reason
from coreml_resize_fix.files import failures


def name_beside(target: str) -> str:
    """A name for an unfinished result, in the folder of `target`.

    It is known before the file exists, so that an interrupt at its creation leaves nothing.

    Raises:
        OutputError: the folder cannot be listed, so leftovers could not be found.
    """
    folder = os.path.dirname(target)
    try:
        os.stat(os.path.join(folder, os.curdir))
    except OSError as error:
        raise failures.unwritable(folder, error) from error
    return os.path.join(folder, f".crf-{os.urandom(8).hex()}.tmp")


@contextmanager
def afterwards(action: Callable[[], None]) -> Iterator[None]:
    """Run an action when the block ends, with or without an error.

    It runs again if the system fails once or an interrupt comes, so it must be repeatable.

    Raises:
        OutputError: the action failed. An error of the block mentions it in its hint instead.
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
        failed.hint = f"{failed.hint}; and {left.message}: {left.hint}"


def remove(path: str) -> None:
    """Remove a file or a folder, which may be missing or have read-only folders in it.

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


def remove_empty(path: str) -> None:
    """Remove a folder if nothing is in it."""
    with suppress(OSError):
        os.rmdir(path)


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
    """Allow the owner to change this folder and all folders below; links are not followed."""
    locked = [folder]
    while locked:
        place = locked.pop()
        os.chmod(place, stat.S_IRWXU)
        with os.scandir(place) as entries:
            locked += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
