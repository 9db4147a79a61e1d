"""What the recorders of all frameworks share: a manifest that fills while its block runs."""

import warnings
from contextlib import ExitStack
from typing import Any, Tuple, TypeVar

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest

_Self = TypeVar("_Self", bound="Recorder")


class Recorder(Manifest):
    """A manifest, and the context manager that records the intents of what runs inside its block.

    `notices` says which calls are not recorded, or may be recorded otherwise than expected; each
    becomes a warning at the end of the block. Entered again, it starts anew.
    """

    def __init__(self, model: Any, tensors: bool = False) -> None:
        super().__init__()
        self._model = model
        self._keeps_tensors = tensors
        self._runs = 0
        self._block = ExitStack()

    def run(self: _Self, arguments: Tuple[Any, ...]) -> _Self:
        """Run the model once, without gradients, and record that; returns itself."""
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        self._forget()
        self.notices, self._runs, self.network = [], 0, None
        with ExitStack() as block:
            self._listen(block)
            self._block = block.pop_all()
        return self

    def __exit__(self, error: Any, value: Any, traceback: Any) -> None:
        self._block.close()
        if error is None:
            self._conclude()
            for notice in self.notices:
                warnings.warn(notice, stacklevel=2)

    def _listen(self, block: ExitStack) -> None:
        """Listen to the framework until `block` is closed; it undoes what is changed for that."""
        raise NotImplementedError

    def _forget(self, first: int = 0) -> None:
        """Drop recorded resizes from index `first` on."""
        del self[first:]
        self.tensors = {index: pair for index, pair in self.tensors.items() if index < first}

    def _add(self, intent: Intent, is_inside: bool) -> None:
        """Record an intent; `is_inside` is False if it ran outside a call of the model."""
        self.append(intent)
        if not is_inside:
            self._note(
                f"resizes[{intent.index}] ran outside a call of the model: it is recorded, and the "
                "converted model may have no layer for it"
            )

    def _conclude(self) -> None:
        """Note at the end of the block what the runs in it make doubtful."""
        if self._runs > 1:
            self._note(
                f"the model ran {self._runs} times inside the block, and a manifest describes one "
                "run"
            )
        if not self._runs:
            self._note("the model was not called inside the block")

    def _note(self, notice: str) -> None:
        """Add a notice, once."""
        if notice not in self.notices:
            self.notices.append(notice)
