"""Record the resizes of a model while it runs (docs/recording.md)."""

from typing import Any, List, Sequence, Type

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents import examples
from coreml_resize_fix.intents.keras import layers
from coreml_resize_fix.intents.recorder import Recorder
from coreml_resize_fix.intents.source import Manifest


def record_intents(model: Any, example: Any = None, *, tensors: bool = False) -> Recorder:
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
    recorder_class = _recorder_class(model)
    recorder = recorder_class(model, tensors)
    if example is None:
        return recorder
    first, *more = examples.split(example)
    recorder.run(first)
    if more:
        others = [recorder_class(model).run(arguments) for arguments in more]
        recorder[:] = examples.combined([recorder, *others])
        recorder.notices += _new_notices(recorder.notices, others)
    return recorder


def _recorder_class(model: Any) -> Type[Recorder]:
    """The recorder for a model; no framework is imported that did not make the model.

    Raises:
        UsageError: Keras runs on a backend that is none of those which are known.
    """
    if not layers.is_keras(model):
        from coreml_resize_fix.intents.torch.recorder import Recorder as TorchRecorder

        return TorchRecorder
    from coreml_resize_fix.intents.keras import backends

    backend = backends.name(layers.package(model))
    if backend == backends.GRAPH:
        from coreml_resize_fix.intents.keras.graph import Recorder as GraphRecorder

        return GraphRecorder
    if backend not in backends.LISTENERS:
        raise UsageError(
            f"Keras runs on {backend} here, which does not show what it resizes",
            f"record on one of {', '.join(backends.LISTENERS)}",
        )
    from coreml_resize_fix.intents.keras.recorder import Recorder as KerasRecorder

    return KerasRecorder


def _new_notices(known: Sequence[str], others: Sequence[Manifest]) -> List[str]:
    """The notices of other runs that the first one did not give."""
    found = dict.fromkeys(notice for other in others for notice in other.notices)
    return [notice for notice in found if notice not in known]
