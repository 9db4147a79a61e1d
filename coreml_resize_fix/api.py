"""The Python interface: audit, fix and run a model that is a path, an MLModel or a spec message.

from coreml_resize_fix import audit, fix, predict

report = audit("model.mlmodel", "intent.json")
model = fix(model, intents)     # at the end of an export script, without temporary files
outputs = predict(model, {"image": picture})    # what Core ML would give, on any system
"""

import os
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from coreml_resize_fix.errors import ResizeFixError, UnmatchedError, UsageError
from coreml_resize_fix.files import cleanup
from coreml_resize_fix.formats.origin import Origin, origins
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.report.printable import Report
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.options import Request, read_options, require_type
from coreml_resize_fix.run.results import ModelReport

Model = TypeVar("Model")  # a path, a coremltools MLModel, or a Model message
_LABEL = "the model"  # what one in memory is called
Intents = Union[str, "os.PathLike[str]", Sequence[Intent]]
Reference = Union[str, "os.PathLike[str]", Manifest]  # of a whole network

# Of an MLModel that `fix` returned, in the place of coremltools' own program.
_ORIGINS = "_coreml_resize_fix_origins"


class _InMemory(NamedTuple):
    """A model in memory: its serialized bytes, and how to make the same kind of object of them."""

    data: bytes
    spec_class: Any
    wrapper: Any  # the MLModel class, or None for a bare spec
    package: Optional[str]  # the folder in which an MLModel keeps its other files, such as weights
    origins: Mapping[str, Origin]

    def rebuild(self, data: bytes) -> Any:
        spec = self.spec_class()
        spec.ParseFromString(data)
        if self.wrapper is None:
            return spec
        try:
            return self._remembering(self.wrapper(spec, skip_model_load=True))
        except TypeError:  # coremltools before 5 has no such option
            return self.wrapper(spec)

    def opened(self, package: str) -> Any:
        """An MLModel of a package that is its own: coremltools removes it when Python ends."""
        return self._remembering(self.wrapper(package, is_temp_package=True, skip_model_load=True))

    def _remembering(self, model: Any) -> Any:
        """The model, which remembers what this one does; a program of another it must not have."""
        if self.origins:
            setattr(model, _ORIGINS, self.origins)
        return model


def audit(
    model: Any,
    manifest: Optional[Intents] = None,
    assume: Optional[str] = None,
    deployment_target: Optional[str] = None,
    decompose: bool = False,
    verify: Optional[bool] = None,
    rewrite_downscales: bool = False,
    float32_replacements: bool = False,
    reference: Optional[Reference] = None,
    tolerance: Optional[float] = None,
    runtime: Optional[str] = None,
) -> Report:
    """Compare every resize layer of a model with its intent; nothing is changed or written.

    Args:
        model: the path of a .mlmodel or .mlpackage, a coremltools MLModel, or a Model message.
        manifest: the path of a manifest (.json) or of an ONNX file, or the intents themselves, as
            `record_intents` gives them.
        assume: one intent for every layer without one, such as "bilinear,align_corners=true".
        deployment_target: such as "iOS12"; the lowest iOS that a fix may need.
        decompose: also allow exact replacements built from several layers.
        verify: also compare in values. That is done by default, too, but then the report prints
            errors only where the command does: if there are recorded tensors.
        rewrite_downscales: also rewrite downscales by upsample_bilinear that are right, to
            resize_bilinear: versions of the system were seen to differ in the former.
        float32_replacements: in a network of float16, these compute in float32 between two casts.
        reference: what the whole network computes: the path of recorded tensors (.npz) or of an
            ONNX file (.onnx), or intents that `record_intents(..., tensors=True)` recorded here.
        tolerance: with `reference`, the largest error as a share of its largest magnitude; the
            default is 1e-3, or 2e-2 for networks of float16.
        runtime: with `reference`, "numpy" (the default) or "coreml" (macOS).

    Without any intent or reference the report is an inventory, with exit code 3.

    Raises:
        ResizeFixError: the model or the manifest cannot be read.
    """
    request = _request(
        manifest,
        assume,
        deployment_target,
        decompose=decompose,
        verify=verify,
        rewrite_downscales=rewrite_downscales,
        dry_run=True,
        float32_replacements=float32_replacements,
        reference=reference,
        tolerance=tolerance,
        runtime=runtime,
    )
    return _process(model, request)[0]


def fix(
    model: Model,
    manifest: Optional[Intents] = None,
    assume: Optional[str] = None,
    deployment_target: Optional[str] = None,
    decompose: bool = False,
    output: Optional[str] = None,
    in_place: bool = False,
    force: bool = False,
    partial: bool = False,
    verify: bool = True,
    rewrite_downscales: bool = False,
    float32_replacements: bool = False,
    reference: Optional[Reference] = None,
    tolerance: Optional[float] = None,
    runtime: Optional[str] = None,
) -> Model:
    """Rewrite every resize layer that differs from its intent; returns what was given, fixed.

    For a path it is the path of the result: `output`, or `<stem>-fixed<suffix>` beside the input,
    or the input itself if nothing had to change. For an MLModel or a spec message it is a changed
    copy. The copy of an MLModel that has a package gets a package of its own, as a converter makes
    it: in the folder for temporary files, with the weights and every other file of the first. The
    other arguments are those of `audit`; `output`, `in_place`, `force` and `partial` mean the same
    as on the command line.

    Raises:
        UnmatchedError: some layer cannot be matched, and `partial` is not set. Its `report` says
            which and why, and nothing was written. Or the result cannot run, or is not as the
            reference has it, for another reason than its resizes.
        ResizeFixError: the model or the manifest cannot be read, or the result not be written.
    """
    if (output is not None or in_place) and not isinstance(model, (str, os.PathLike)):
        raise UsageError(
            "`output` and `in_place` go with a path, and the model is in memory",
            "save the model that `fix` returns",
        )
    if output is not None and in_place:
        raise UsageError("`output` and `in_place` exclude each other", "pass one of them")
    require_type("output", output, (str, os.PathLike), "pass the path of the result")
    request = _request(
        manifest,
        assume,
        deployment_target,
        output=os.fspath(output) if output is not None else None,
        in_place=in_place,
        force=force,
        partial=partial,
        decompose=decompose,
        rewrite_downscales=rewrite_downscales,
        verify=verify,
        float32_replacements=float32_replacements,
        reference=reference,
        tolerance=tolerance,
        runtime=runtime,
    )
    if not request.has_intents:
        raise UsageError(
            "nothing says what the resizes should compute", "pass `manifest` or `assume`"
        )
    report, result = _process(model, request)
    if report.exit_code == 1 and not partial:
        raise UnmatchedError(report)
    fixed: Model = result
    return fixed


def predict(
    model: Any, inputs: Mapping[str, Any], function: Optional[str] = None
) -> Dict[str, Any]:
    """What coremltools' `MLModel.predict` returns, computed in NumPy on any system.

    Args:
        model: the path of a .mlmodel or .mlpackage, a coremltools MLModel, or a Model message.
        inputs: a value for every input by its name: a PIL image where the model takes an image (or
            a uint8 array in the order RGB), a number or an array elsewhere.
        function: which one of an ML Program with several; the default one without.

    Returns:
        Every output by its name: arrays of float32 (or int32, float64 where they are declared),
        PIL images clipped to 0…255, of a classifier the label and a dictionary of probabilities.
        What is computed, and how: docs/executor.md.

    Raises:
        UsageError: an input is missing or does not fit.
        ResizeFixError: the model cannot be read, or something in it cannot be computed.
    """
    # Imported where values are computed: NumPy costs as much as the rest of a small audit.
    import numpy as np

    from coreml_resize_fix.formats.model_folder import ModelFolder
    from coreml_resize_fix.formats.open import open_bytes, open_file
    from coreml_resize_fix.formats.sniff import model_file
    from coreml_resize_fix.verify import prediction

    single = np.dtype(np.float32)
    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        with open_file(model_file(path), path) as opened:
            return prediction.predict(path, opened.execution(single, function), inputs)
    held = _in_memory(model)
    beside = ModelFolder(os.path.dirname(model_file(held.package))) if held.package else None
    opened = open_bytes(held.data, _LABEL, beside)
    return prediction.predict(opened.label, opened.execution(single, function), inputs)


def _request(
    manifest: Optional[Intents],
    assume: Optional[str],
    target: Optional[str],
    reference: Optional[Reference],
    **options: Any,
) -> Request:
    if isinstance(reference, os.PathLike):
        reference = os.fspath(reference)
    request = read_options(assume, target, reference, **options)
    if isinstance(manifest, (str, os.PathLike)):
        manifest = Manifest.load(os.fspath(manifest))
    return request if manifest is None else request.with_manifest(manifest)


def _process(model: Any, request: Request) -> Tuple[Report, Any]:
    # Which form the report is to have is not known yet: pages show values, JSON a hash. Where the
    # network is run at all, its outputs are drawn, too.
    verify = True if request.verify is None else request.verify
    drawn = request.dry_run and verify and request.reference is not None
    whole = replace(request, verify=verify, pictures=drawn, fingerprint=request.dry_run)
    report, result = _run(model, whole)
    return Report.of(report, request.dry_run, request.measures, request.tensors), result


def _run(model: Any, request: Request) -> Tuple[ModelReport, Any]:
    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        report = pipeline.process(path, request)
        return report, type(model)(report.output or path)  # type: ignore[call-arg]
    held = _in_memory(model)
    request = replace(request, origins=held.origins)
    if held.package is not None:
        return _run_packaged(model, held, held.package, request)
    report, data = pipeline.process_bytes(held.data, _LABEL, request)
    return report, model if data is held.data else held.rebuild(data)


def _run_packaged(
    model: Any, held: _InMemory, package: str, request: Request
) -> Tuple[ModelReport, Any]:
    """The result is a package of its own in the folder for temporary files, with every file."""
    made: List[str] = []

    def target() -> str:
        import tempfile

        made.append(tempfile.mkdtemp(suffix=".mlpackage"))
        return made[-1]

    try:
        report, result = pipeline.process_packaged(held.data, package, target, _LABEL, request)
        if result is not None:
            return report, held.opened(result)
        for folder in made:
            cleanup.remove(folder)
        return report, model
    except BaseException:
        for folder in made:
            cleanup.remove(folder)
        raise


def _in_memory(model: Any) -> _InMemory:
    wrapper = type(model) if hasattr(model, "get_spec") else None
    spec = model.get_spec() if wrapper is not None else model
    if not hasattr(spec, "SerializeToString"):
        raise ResizeFixError(
            f"a `{type(model).__name__}` is not a model",
            "pass a path, a coremltools MLModel, or the spec of one",
        )
    package = getattr(model, "package_path", None) if wrapper is not None else None
    remembered = getattr(model, _ORIGINS, None) or origins(model)
    return _InMemory(spec.SerializeToString(), type(spec), wrapper, package, remembered)
