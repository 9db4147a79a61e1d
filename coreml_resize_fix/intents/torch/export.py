"""Export a model by `torch.onnx.export` in the form that opset 9 and onnx-coreml accept."""

from typing import Any, Dict

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.torch import beside_operators, calls, compiled, meaning
from coreml_resize_fix.intents.torch.recorder import Recorder

# By the number of axes, the mode that mixes pixels.
_MIXING = {1: "linear", 2: "bilinear"}


def exportable(model: Any) -> "ExportRecorder":
    """A context manager for `torch.onnx.export` that yields the true intents of the model.

        with exportable(model) as intents:
            torch.onnx.export(model, example, "model.onnx", opset_version=9)
        intents.save("intent.json")

    Inside the block every resize of images runs with `align_corners=False` and a plain size, so
    the model computes something else there. Outside, nothing changes.

    Raises:
        UsageError: PyTorch cannot be imported, or `model` is not a module with Python code.
    """
    return ExportRecorder(model)


class ExportRecorder(Recorder):
    """Records the last run in its block, and replaces calls that opset 9 cannot express."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        if self._is_script:
            raise UsageError(
                "a scripted or traced model cannot be made exportable: its calls do not pass "
                "through Python",
                "pass the module that it was made from",
            )

    def _note_unseen_scripts(self) -> None:
        for path in compiled.resizing_scripts(self._model):
            self._note(
                f"module `{path}` is scripted or traced: its resizes are left as they are, and not "
                "recorded"
            )

    def _count_run(self) -> None:
        # An exporter may run the model more than once, and writes the last run.
        self._forget()
        self._runs = 1

    def _on_operator_that_resizes(self, operator: str, values: Dict[str, Any], result: Any) -> None:
        """An operator that was called without `interpolate` stays as it is."""

    def _on_interpolate(self, arguments: Dict[str, Any]) -> Any:
        if not self._is_recordable(arguments):
            return calls.interpolate(arguments)
        if meaning.varies(arguments):
            raise UsageError(
                "inside `exportable` every resize gets a plain size, and this export lets sizes "
                "vary",
                "export without dynamic shapes, or outside of the block",
            )
        with calls.untraced():
            given = meaning.plain(arguments)
            # The true call gives the output size, and raises the errors of PyTorch.
            truth = calls.interpolate(given)
            intent = self._record_call(given, truth)
            self._follow_resize(intent, truth)
        if intent is None:
            return calls.interpolate(arguments)
        # An enclosing recorder has recorded the true call.
        result = calls.interpolate_unrecorded(
            dict(arguments, **_exportable_arguments(intent, given))
        )
        beside_operators.replaced(truth, result)
        return result


def _exportable_arguments(intent: Intent, given: Dict[str, Any]) -> Dict[str, Any]:
    """Arguments of the same output size that opset 9 can express.

    All modes that mix pixels become bilinear, so that they stay distinct from `nearest`.
    """
    axes = given["input"].dim() - 2
    replaced: Dict[str, Any] = {
        "size": (intent.output_size or ())[:axes],
        "scale_factor": None,
        "mode": "nearest" if intent.is_nearest else _MIXING[axes],
        "align_corners": None if intent.is_nearest else False,
    }
    for name, value in (("recompute_scale_factor", None), ("antialias", False)):
        if name in given:  # older versions have no such argument
            replaced[name] = value
    return replaced
