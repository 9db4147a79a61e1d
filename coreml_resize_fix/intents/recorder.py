"""Record what runs inside a block: what the recorders of all frameworks share."""

import warnings
from contextlib import ExitStack
from typing import Any, Tuple, TypeVar

from coreml_resize_fix.intents.source import Manifest

_Self = TypeVar("_Self", bound="Recorder")


class Recorder(Manifest):
    """The intents of what runs inside its `with` block; saved and used like any manifest.

    `notices` lists calls that are not recorded, or not as expected; each is a warning, too.
    """

    def __init__(self, model: Any, tensors: bool = False) -> None:
        super().__init__()
        self._model = model
        self._keeps_tensors = tensors
        self._runs = 0
        self._block = ExitStack()

    def run(self: _Self, arguments: Tuple[Any, ...]) -> _Self:
        """Record one run of the model, without gradients."""
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
        """Hear of all resizes until the block ends."""
        raise NotImplementedError

    def _forget(self, first: int = 0) -> None:
        """Drop recorded resizes from index `first` on."""
        del self[first:]
        self.tensors = {index: pair for index, pair in self.tensors.items() if index < first}

    def _conclude(self) -> None:
        if self._runs > 1:
            self._note(
                f"the model ran {self._runs} times inside the block, and a manifest describes one "
                "run"
            )
        if not self._runs:
            self._note("the model was not called inside the block")

    def _note(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)
