"""Record the resizes of a PyTorch model while it runs (docs/recording.md)."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar, Union

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents import recorder
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.torch import (
    beside_operators,
    calls,
    compiled,
    flow,
    meaning,
    network,
    stack,
)

_Self = TypeVar("_Self", bound="Recorder")


class Recorder(recorder.Recorder):
    """The intents of what a `torch.nn.Module` resizes while a block runs.

    `calls` reports the calls of `interpolate`, `compiled` every operator that PyTorch executes,
    hooks where a run of the model begins and ends.
    """

    def __init__(self, model: Any, tensors: bool = False) -> None:
        torch = calls.import_torch()
        super().__init__(model, tensors)
        if not isinstance(model, torch.nn.Module):
            raise UsageError(
                "a torch.nn.Module or a Keras model is needed to record its resizes, not "
                + type(model).__name__,
                "pass the model itself, and call it inside the block",
            )
        self.framework_version = str(torch.__version__)
        self._is_script = isinstance(model, torch.jit.ScriptModule)
        self._is_compiling = stack.compiling_test()
        self._paths: Dict[int, str] = {}
        self._first_of_export: Optional[int] = None  # index; None where no exporter runs the model
        self._flow: Optional[flow.Flow] = None
        self._can_follow = False
        self._network_run: Optional[network.Run] = None
        self._hooks: List[Any] = []

    def run(self: _Self, arguments: Tuple[Any, ...]) -> _Self:
        """Record one run of the model, without gradients."""
        scripted = network.Run(self._model, arguments, {}) if self._is_script else None
        with calls.import_torch().no_grad(), self:
            outputs = self._model(*arguments)
            if scripted is not None and self._keeps_tensors:  # hooks see all other models
                self.network = scripted.end(outputs)
        return self

    def _listen(self, block: ExitStack) -> None:
        self._first_of_export = None
        self._paths = {stack.place(module): path for path, module in self._model.named_modules()}
        block.callback(self._release)
        block.enter_context(calls.listening(self._on_interpolate, self._without_hooks))
        self._hook()
        block.callback(self._unhook)
        self._watch(block)
        self._note_unseen_scripts()

    def _release(self) -> None:
        self._paths, self._flow, self._can_follow = {}, None, False
        self._network_run = None

    def _hook(self) -> None:
        if not self._is_script:  # scripts do not take hooks
            self._hooks = [
                self._model.register_forward_pre_hook(self._on_run_start),
                self._model.register_forward_hook(self._on_run_end),
            ]

    def _unhook(self) -> None:
        while self._hooks:
            self._hooks.pop().remove()

    @contextmanager
    def _without_hooks(self) -> Iterator[None]:
        """Hide the hooks from `torch.jit.script`, which would compile them with the model."""
        self._unhook()
        try:
            yield
        finally:
            self._hook()

    def _watch(self, block: ExitStack) -> None:
        if compiled.can_watch():
            block.enter_context(
                compiled.watching(self._on_operator_that_resizes, self._on_operator)
            )
            block.enter_context(beside_operators.observe(self._flow_of_run))
            self._can_follow = True

    def _note_unseen_scripts(self) -> None:
        if compiled.can_watch():
            return
        for path in compiled.resizing_scripts(self._model):
            self._note(
                f"{_named(path)} is scripted or traced, and PyTorch {self.framework_version} does "
                "not show what it resizes: not recorded"
            )

    def _on_run_start(self, model: Any, inputs: Any) -> None:
        if self._is_compiling():
            return
        self._count_run()
        # The first run is the one that is kept, as its resizes come first.
        if self._keeps_tensors and self.network is None:
            keywords = network.keywords_of_run(model)
            self._network_run = network.Run(model, inputs, keywords)
        if self._flow is not None:  # the model calls itself, or its last run failed
            self._flow, self._can_follow = None, False
        elif self._can_follow and stack.runs_with_values():
            self._flow = flow.Flow(inputs, flow.state(model))

    def _count_run(self) -> None:
        by_exporter = stack.is_exporting()
        if by_exporter and self._first_of_export is not None:
            # An exporter may run the model again, to check the export.
            self._forget(self._first_of_export)
        else:
            self._runs += 1
        self._first_of_export = len(self) if by_exporter else None

    def _on_run_end(self, model: Any, inputs: Any, outputs: Any) -> None:
        if self._is_compiling():
            return
        ended, self._flow = self._flow, None
        run, self._network_run = self._network_run, None
        if run is not None:
            self.network = run.end(outputs)
        last = list(model._forward_hooks.values())[-1:]
        # A later hook may return something else.
        if ended is not None and all(isinstance(_object_of_hook(hook), Recorder) for hook in last):
            for index in ended.unused(outputs):
                self[index] = replace(self[index], used=False)

    def _on_operator(
        self, function: Any, args: Sequence[Any], keywords: Dict[str, Any], result: Any
    ) -> None:
        if self._flow is not None:
            self._flow.follow(function, args, keywords, result)

    def _flow_of_run(self) -> Optional[flow.Flow]:
        return self._flow

    def _conclude(self) -> None:
        if self._runs or not self._is_script:
            super()._conclude()

    def _on_interpolate(self, arguments: Dict[str, Any]) -> Any:
        """Run and record a call of `interpolate`; returns its result."""
        result = calls.interpolate(arguments)
        if self._is_recordable(arguments):
            with calls.untraced():
                self._follow_resize(self._record_call(arguments, result), result)
        return result

    def _is_recordable(self, arguments: Dict[str, Any]) -> bool:
        source = arguments["input"]
        if not calls.is_tensor(source):
            self._note(f"`interpolate` of a `{type(source).__name__}`: not recorded")
            return False
        if calls.has_values(source) or stack.running_module(self._paths) is not None:
            return True
        if self._first_of_export is None:
            self._note("an exporter read the model without running it: not recorded")
        return False

    def _record_call(self, arguments: Dict[str, Any], result: Any) -> Optional[Intent]:
        found = meaning.from_interpolate(arguments, result)
        return self._record(found, arguments["input"], result)

    def _on_operator_that_resizes(self, operator: str, values: Dict[str, Any], result: Any) -> None:
        """Record a resize operator that was executed without a call of `interpolate`."""
        # An exporter runs its result, to check it.
        if stack.running_module(self._paths) is None and stack.is_exporting():
            return
        found = meaning.from_operator(operator, values, result)
        self._follow_resize(self._record(found, meaning.operand(values), result), result)

    def _follow_resize(self, intent: Optional[Intent], result: Any) -> None:
        if self._flow is not None and intent is not None and intent.index is not None:
            self._flow.resized(intent.index, result)

    def _record(self, found: Union[Intent, str], source: Any, result: Any) -> Optional[Intent]:
        """Record an intent and return it; of a reason why there is none, make a notice."""
        path = stack.running_module(self._paths)
        if isinstance(found, str):
            where = "" if path is None else f" in {_named(path)}"
            self._note(f"{found}{where}: not recorded")
            return None
        index = len(self)
        intent = replace(
            found,
            name=path or None,
            framework_version=self.framework_version,
            site=stack.calling_site(),
            index=index,
            input_is_parameter=self._is_parameter(source),
        )
        self._add(intent, is_inside=path is not None)
        if self._keeps_tensors:
            self._keep(index, source, result)
        return intent

    def _is_parameter(self, source: Any) -> Optional[bool]:
        """True if a tensor does not depend on the model's inputs; None if it may."""
        return True if self._flow is not None and self._flow.is_parameter(source) else None

    def _keep(self, index: int, source: Any, result: Any) -> None:
        if not calls.has_values(source):
            self._note("an exporter runs the model without values: no tensors are kept")
            return
        paused, self._flow = self._flow, None  # reading here is not part of the run
        try:
            self.tensors[index] = network.recorded(source, result)
        finally:
            self._flow = paused


def _named(path: str) -> str:
    return f"module `{path}`" if path else "the model"


def _object_of_hook(hook: Any) -> Any:
    return getattr(hook, "__self__", None)
