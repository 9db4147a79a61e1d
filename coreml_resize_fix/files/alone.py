"""One run at a time on one file, where the system has locks."""

from contextlib import contextmanager
from typing import Iterator

from coreml_resize_fix.errors import OutputError


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Hold a file against other runs that ask, until the block ends or the process does.

    Raises:
        OutputError: another run holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(path, "rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"`{path}` is being replaced by another run",
                "nothing was written; run again when that one is done",
            ) from error
        except OSError:  # a file system without locks
            pass
        yield
