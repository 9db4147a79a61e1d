"""A package that takes its place whole, or not at all."""

import os
from contextlib import contextmanager, suppress
from functools import partial
from typing import Iterator, Sequence

from coreml_resize_fix.errors import OutputError, reason
from coreml_resize_fix.files import atomic, attributes, cleanup, copying, failures
from coreml_resize_fix.files.exchange import exchange


@contextmanager
def package(target: str, package: str, others: Sequence[str], replace: bool) -> Iterator[str]:
    """A folder that becomes `target`: the package without the files `others`, which are to be made.

    The new package is built beside its target and takes its place when the block ends well and it
    is on the disk. Without `replace`, a target that appeared meanwhile is left alone.

    Raises:
        ModelError: the package cannot be read.
        OutputError: it cannot be copied, or not be put in its place.
    """
    target = atomic.followed(target) if replace else os.path.abspath(target)
    inside = os.path.realpath(package)
    made = [os.path.relpath(os.path.realpath(path), inside) for path in others]
    new = cleanup.name_beside(target)
    # What it changes places with has that name then, and goes.
    with cleanup.afterwards(partial(cleanup.remove, new)):
        try:
            os.mkdir(new, copying.PRIVATE)
        except OSError as error:
            raise failures.unwritable(os.path.dirname(target), error) from error
        try:
            folders = copying.copy(package, new, but=made)
            yield new
            for original, name in zip(others, made):
                attributes.copy_mode(original, os.path.join(new, name))
            copying.finish(package, new, folders)
            _take_place(new, target, replace)
        except OSError as error:
            raise failures.unwritten(os.path.basename(target), error) from error


def _take_place(new: str, target: str, replace: bool) -> None:
    """Rename `new` to `target`; what was there changes places with it, or is removed."""
    if not os.path.lexists(target):
        os.rename(new, target)
    elif not replace:
        raise failures.existing(target, ", or choose another `--output`")
    elif not exchange(new, target):
        _take_place_in_two_steps(new, target)
    with suppress(OSError):  # the new one is there, whatever the disk says of it
        copying.send_to_disk(os.path.dirname(target))


def _take_place_in_two_steps(new: str, target: str) -> None:
    """Rename twice where the system cannot exchange; the target is missing in between."""
    old = cleanup.name_beside(target)
    with cleanup.afterwards(partial(_settle, old, target)):
        os.rename(target, old)
        os.rename(new, target)


def _settle(old: str, target: str) -> None:
    """Put back what was moved away and not replaced. It is never removed while nothing is there.

    Raises:
        OutputError: it cannot be put back, or not be removed; says where it is.
    """
    if os.path.lexists(target):
        cleanup.remove(old)
        return
    try:
        os.rename(old, target)
    except FileNotFoundError:
        return  # it was gone before
    except OSError as error:
        raise OutputError(
            f"`{target}` could not be put back: {reason(error)}",
            f"it is at `{old}`: rename it yourself",
        ) from error
