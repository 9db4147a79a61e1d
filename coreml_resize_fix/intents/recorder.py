"""Record the resizes of a model while it runs (docs/recording.md): what all frameworks share."""

import warnings
from contextlib import ExitStack
from typing import Any, List, Sequence, Tuple, Type, TypeVar

from coreml_resize_fix.intents import examples, keras_layers
from coreml_resize_fix.intents.source import Manifest

_Self = TypeVar("_Self", bound="Recorder")


def record_intents(model: Any, example: Any = None, *, tensors: bool = False) -> "Recorder":
    """The resizes of a `torch.nn.Module` or a Keras model, in the order in which they run.

    With an `example` (a tensor, or a tuple of arguments) the model runs once, without gradients.
    With a list of examples it runs once with each, and every call has the `sizes` of all.
    Without one, the result is a context manager that records what runs inside its block:

        with record_intents(model) as intents:
            model(example)
        intents.save("intent.json")

    `tensors` keeps the input and output of each resize and of the whole network as well, for the
    numerical proof and for `--reference`; of the first example.

    Raises:
        UsageError: PyTorch cannot be imported, `model` is neither of the two, or it makes other
            calls with one example than with another.
    """
    kind = _kind(model)
    recorder = kind(model, tensors)
    if example is None:
        return recorder
    first, *more = examples.split(example)
    recorder.run(first)
    if more:
        others = [kind(model).run(arguments) for arguments in more]
        recorder[:] = examples.combined([recorder, *others])
        recorder.notices += _new(recorder.notices, others)
    return recorder


def _kind(model: Any) -> "Type[Recorder]":
    """The class of its recorder; no framework is imported that did not make the model."""
    if keras_layers.is_keras(model):
        from coreml_resize_fix.intents import keras_recorder

        return keras_recorder.kind(model)
    from coreml_resize_fix.intents import torch_recorder

    return torch_recorder.Recorder


def _new(known: Sequence[str], others: Sequence[Manifest]) -> List[str]:
    """Notices of other runs that are not known yet."""
    found = dict.fromkeys(notice for other in others for notice in other.notices)
    return [notice for notice in found if notice not in known]


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
