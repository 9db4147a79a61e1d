"""Write the changed files of one model: all are proved before the first takes its place."""

import os
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from typing import BinaryIO, Callable, Dict, Iterator, NamedTuple, Optional, Sequence

from coreml_resize_fix.errors import OutputError
from coreml_resize_fix.files import atomic, cleanup, copying
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.protobuf.wire import Stamp, stamp
from coreml_resize_fix.progress import ShowProgress

_SEND_AFTER = 32 * 1024 * 1024  # bytes copied


class Changed(NamedTuple):
    """One file of a result: the one at `path` with changes, or a new one that would be there.

    `read` is the file that the changes were made for, if it may be another one by now. `name` is
    what the model calls it, if it does. `data` is what a model in memory is instead of its file.
    """

    path: str
    changes: Sequence[Patch]
    read: Optional[Stamp] = None
    name: str = ""
    is_new: bool = False
    data: Optional[bytes] = None

    @property
    def size(self) -> int:
        """Bytes of the original."""
        if self.is_new or self.data is not None:
            return len(self.data or b"")
        return os.path.getsize(self.path)

    def open(self) -> BinaryIO:
        """The original."""
        if self.is_new or self.data is not None:
            return BytesIO(self.data or b"")
        return open(self.path, "rb")


class Order(NamedTuple):
    """What to write for the model `label`: files, the model's first, and where each goes.

    With `replace` what is there gives way. `prove` gets the path of the complete model and, if
    there are other files, where those are by the names that the model has for them.
    """

    label: str
    files: Sequence[Changed]
    where: Callable[[str], str]
    replace: bool
    prove: Callable[..., None]


def write(order: Order, hashed: bool, tell: ShowProgress) -> Optional[str]:
    """Write the files; returns the SHA-256 of the original model if it is `hashed`.

    They take their places in reverse, the model last, each on the disk before the next: whenever
    that ends, the model that is there finds all that it reads, for others only gain.

    Raises:
        OutputError: one cannot be written, or an original changed meanwhile.
    """
    model, *others = order.files
    watch = _Watch(hashed, tell, sum(one.size for one in order.files))
    with ExitStack() as stack:
        result = _unfinished(stack, order, model, watch)
        sha256 = watch.sha256
        unfinished: Dict[str, str] = {}
        for one in others:
            target = order.where(one.path)
            stack.callback(copying.send_to_disk, os.path.dirname(target))
            if one.is_new:
                stack.enter_context(_folder(os.path.dirname(target)))
            unfinished[one.name] = _unfinished(stack, order, one, watch)
        _refuse_changed(order)
        order.prove(result, *([unfinished] if unfinished else []))
        _refuse_changed(order)
    return sha256


def _unfinished(stack: ExitStack, order: Order, one: Changed, watch: "_Watch") -> str:
    """The path of a file that is complete, and takes its place when the stack ends."""
    size = one.size
    replace = order.replace and not one.is_new
    room = splice.grown(size, one.changes)
    out = stack.enter_context(atomic.file(order.where(one.path), replace, room))
    watch.begin(out)
    with one.open() as original:
        splice.write(original, size, out, one.changes, watch.seen)
    out.flush()
    return out.name


@contextmanager
def _folder(path: str) -> Iterator[None]:
    """A folder for a new file, which goes if it stays empty."""
    try:
        os.stat(path)  # where the system fails to say, it may be there: nothing is made or removed
        is_there = True
    except FileNotFoundError:
        is_there = False
    if is_there:
        yield
        return
    with cleanup.afterwards(partial(cleanup.remove_empty, path)):
        os.mkdir(path)
        yield
        copying.send_to_disk(os.path.dirname(path))


def _refuse_changed(order: Order) -> None:
    for one in order.files:
        changed = one.read is not None and stamp(one.path) != one.read
        if changed or (one.is_new and os.path.lexists(one.path)):
            raise OutputError(
                f"`{order.label}` changed while it was read",
                "nothing was written; run again when nothing writes to it",
            )


class _Watch:
    """Sees every block that is copied: its hash if that is wanted, and how far it all is."""

    def __init__(self, hashed: bool, tell: ShowProgress, size: int) -> None:
        import hashlib

        self._digest = hashlib.sha256() if hashed else None
        self._done, self._size, self._tell = 0, size, tell

    def begin(self, out: BinaryIO) -> None:
        """Watch the copy of another file."""
        self._out, self._sent, self._unsent = out, 0, 0

    def seen(self, block: bytes) -> None:
        self._done += len(block)
        self._unsent += len(block)
        self._tell(self._done, self._size, "writing", "B")
        if self._digest is not None:
            self._digest.update(block)
        if self._unsent >= _SEND_AFTER:
            self._sent, self._unsent = atomic.send_to_disk(self._out, self._sent), 0

    @property
    def sha256(self) -> Optional[str]:
        return self._digest.hexdigest() if self._digest is not None else None
