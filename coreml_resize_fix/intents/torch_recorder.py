"""Record what PyTorch is asked to resize while a model runs (docs/recording.md)."""

import warnings
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Dict, Optional, TypeVar, Union

import numpy as np

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents import torch_calls, torch_compiled, torch_intent
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.intents.tensors import Recorded

_Self = TypeVar("_Self", bound="Recorder")


def record_intents(model: Any, example: Any = None, *, tensors: bool = False) -> "Recorder":
    """The resizes of a `torch.nn.Module`, in the order in which PyTorch executes them.

    With an `example` (a tensor, or a tuple of arguments) the model runs once, without gradients.
    Without one, the result is a context manager that records what runs inside its block:

        with record_intents(model) as intents:
            model(example)
        intents.save("intent.json")

    `tensors` keeps the input and output of each resize as well, for the numerical proof.

    Raises:
        UsageError: PyTorch cannot be imported, or `model` is not a module.
    """
    recorder = Recorder(model, tensors)
    if example is not None:
        arguments = example if isinstance(example, tuple) else (example,)
        with torch_calls.import_torch().no_grad(), recorder:
            model(*arguments)
    return recorder


class Recorder(Manifest):
    """The intents of what runs inside its `with` block; saved and used like any manifest.

    `notices` says what was seen and is not recorded, or not as expected; each is a warning too.
    """

    def __init__(self, model: Any, tensors: bool = False) -> None:
        torch = torch_calls.import_torch()
        super().__init__()
        if not isinstance(model, torch.nn.Module):
            raise UsageError(
                "a torch.nn.Module is needed to record its resizes, not {}".format(
                    type(model).__name__
                ),
                "pass the model itself, and call it inside the block",
            )
        self.framework_version = str(torch.__version__)
        self._model = model
        self._is_script = isinstance(model, torch.jit.ScriptModule)
        self._keeps_tensors = tensors
        self._paths: Dict[Any, str] = {}
        self._runs = 0
        self._block = ExitStack()

    def __enter__(self: _Self) -> _Self:
        self._forget()
        self.notices, self._runs = [], 0
        self._paths = {module: path for path, module in self._model.named_modules()}
        with ExitStack() as block:
            block.enter_context(torch_calls.listening(self._called))
            if not self._is_script:  # a script takes no hooks
                hook = self._model.register_forward_pre_hook(self._run_starts)
                block.callback(hook.remove)
            self._watch_scripts(block)
            self._block = block.pop_all()
        return self

    def __exit__(self, error: Any, value: Any, traceback: Any) -> None:
        self._block.close()
        self._paths = {}
        if error is None:
            self._conclude()
            for notice in self.notices:
                warnings.warn(notice, stacklevel=2)

    def _forget(self) -> None:
        self.clear()
        self.tensors = {}

    def _watch_scripts(self, block: ExitStack) -> None:
        if torch_compiled.can_watch():
            block.enter_context(torch_compiled.watching(self._seen))
            return
        for path in torch_compiled.resizing_scripts(self._model):
            self._note(
                "{} is scripted or traced, and PyTorch {} does not show what it resizes: "
                "not recorded".format(_named(path), self.framework_version)
            )

    def _run_starts(self, model: Any, inputs: Any) -> None:
        self._runs += 1

    def _conclude(self) -> None:
        if self._runs > 1:
            self._note(
                "the model ran {} times inside the block, and a manifest describes one run".format(
                    self._runs
                )
            )
        if not self._runs and not self._is_script:
            self._note("the model was not called inside the block")

    def _called(self, arguments: Dict[str, Any]) -> Any:
        """A call of `interpolate`."""
        result = torch_calls.interpolate(arguments)
        with torch_calls.untraced():
            self._record_call(arguments, result)
        return result

    def _record_call(self, arguments: Dict[str, Any], result: Any) -> Optional[Intent]:
        path = torch_calls.running_module(self._paths)
        found = torch_intent.from_interpolate(arguments, result)
        return self._record(found, path, arguments["input"], result)

    def _seen(self, operator: str, values: Dict[str, Any], result: Any) -> None:
        """An operator that was called without `interpolate`."""
        path = torch_calls.running_module(self._paths)
        found = torch_intent.from_operator(operator, values, result)
        self._record(found, path, torch_intent.operand(values), result)

    def _record(
        self, found: Union[Intent, str], path: Optional[str], source: Any, result: Any
    ) -> Optional[Intent]:
        """Keep an intent, or note why there is none."""
        if isinstance(found, str):
            where = "" if path is None else " in {}".format(_named(path))
            self._note("{}{}: not recorded".format(found, where))
            return None
        index = len(self)
        intent = replace(
            found, name=path or None, framework_version=self.framework_version, index=index
        )
        self.append(intent)
        if path is None:
            self._note(
                "resizes[{}] ran outside a call of the model: it is recorded, and the converted "
                "model may have no layer for it".format(index)
            )
        if self._keeps_tensors:
            self.tensors[index] = Recorded(_array(source), _array(result))
        return intent

    def _note(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)


def _named(path: str) -> str:
    return "module `{}`".format(path) if path else "the model"


def _array(maps: Any) -> Any:
    # A copy: later operations may work in place.
    return np.array(maps.detach().cpu().float().numpy())
