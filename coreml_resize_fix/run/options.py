"""What to compare with and what to do: the options of a run, as values."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, Union

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.origin import Origin
from coreml_resize_fix.formats.spec_versions import parse_target
from coreml_resize_fix.intents import assume as assumption
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.intents.tensors import NetworkTensors, Tensors
from coreml_resize_fix.verify.agreement import NUMPY, RUNTIMES


@dataclass(frozen=True)
class Request:
    """What to compare with and what to do.

    Without any intent (`manifest` None and `assume` None) the run is an inventory. `target` is the
    highest specification version allowed; None is the model's own, or 3 for ResizeBilinear.
    `fingerprint` asks for the file's SHA-256, which reads its weights.
    `tensors` are recorded ones, by place in the manifest; `verify` compares them and probes. Where
    it is None, a dry run without tensors compares sampling grids only, which needs no NumPy.
    `notices` are remarks on the manifest that the report should repeat; `pictures` asks for images
    of what each layer does. `rewrite_downscales` replaces operations that are right and in doubt.
    `origins` is what the model's converter remembers of the calls, by the names of blobs.
    `float32_replacements` keeps what several operations compute in float32 between two casts, in a
    network of float16.
    `verbose` asks for words on what each wrong resize does to the outputs.
    `reference` says what the whole network computes: a path, or intents recorded with tensors.
    `network_tensors` gives what was recorded beside the manifest, which an ONNX file is run on.
    """

    manifest: Optional[Sequence[Intent]] = None
    assume: Optional[Intent] = None
    dry_run: bool = False
    output: Optional[str] = None
    in_place: bool = False
    force: bool = False
    partial: bool = False
    verify: Optional[bool] = True
    target: Optional[int] = None
    fingerprint: bool = False
    decompose: bool = False
    float32_replacements: bool = False
    tensors: Tensors = field(default_factory=dict)
    notices: Tuple[str, ...] = ()
    pictures: bool = False
    rewrite_downscales: bool = False
    verbose: bool = False
    origins: Mapping[str, Origin] = field(default_factory=dict)
    reference: Union[str, Manifest, None] = None
    tolerance: Optional[float] = None
    runtime: str = NUMPY
    network_tensors: Optional[Callable[[], Optional[NetworkTensors]]] = None

    @property
    def has_intents(self) -> bool:
        return self.manifest is not None or self.assume is not None

    @property
    def measures(self) -> bool:
        """Whether values are compared, too."""
        if self.verify is None:
            return not self.dry_run or bool(self.tensors)
        return self.verify

    @property
    def measures_effects(self) -> bool:
        """Whether what wrong resizes do to the outputs is shown, and worth a run of the network."""
        return (self.verbose or self.pictures) and self.verify is not False

    def with_manifest(self, intents: Sequence[Intent]) -> "Request":
        """The same with these intents, and what a `Manifest` carries beside them.

        Raises:
            UsageError: they are no intents.
        """
        if not isinstance(intents, Sequence) or not all(isinstance(one, Intent) for one in intents):
            raise UsageError(
                f"a `{type(intents).__name__}` of something else than `Intent` is no manifest",
                "pass the path of a manifest, what `record_intents` gave, or a list of `Intent`",
            )
        return replace(
            self,
            manifest=intents,
            tensors=getattr(intents, "tensors", {}),
            notices=tuple(getattr(intents, "notices", ())),
            network_tensors=getattr(intents, "network_tensors", None),
        )


def read_options(
    assume: Optional[str],
    deployment_target: Optional[str],
    reference: Union[str, Manifest, None] = None,
    tolerance: Optional[float] = None,
    runtime: Optional[str] = None,
    **options: Any,
) -> Request:
    """Make a request of options as a user writes them; `options` are the other fields of it.

    Raises:
        UsageError: one is not of its form, or means nothing without another.
    """
    require_type("assume", assume, str, "pass text, such as 'bilinear,align_corners=true'")
    require_type("deployment_target", deployment_target, str, "pass text, such as 'iOS14'")
    require_type(
        "reference",
        reference,
        (str, Manifest),
        "pass the path of an .npz or .onnx file, or what `record_intents(..., tensors=True)` gave",
    )
    require_type("tolerance", tolerance, (int, float), "pass a number, such as 1e-3")
    for name, value in (("tolerance", tolerance), ("runtime", runtime)):
        if value is not None and reference is None:
            raise UsageError(
                f"`--{name}` says how to compare with a reference, and there is none",
                "pass `--reference`, or leave it out",
            )
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        raise UsageError(
            f"a tolerance of {tolerance} means nothing",
            "pass a share of the reference's largest magnitude, such as 1e-3",
        )
    if runtime is not None and runtime not in RUNTIMES:
        raise UsageError(f"there is no runtime `{runtime}`", "pass one of " + ", ".join(RUNTIMES))
    return Request(
        reference=reference,
        tolerance=tolerance,
        runtime=runtime or NUMPY,
        assume=assumption.parse(assume) if assume is not None else None,
        target=parse_target(deployment_target) if deployment_target is not None else None,
        **options,
    )


def require_type(name: str, value: Any, kinds: Any, hint: str) -> None:
    """Refuse an argument from Python that is of another type.

    Raises:
        UsageError: it is.
    """
    if value is not None and not isinstance(value, kinds):
        raise UsageError(f"`{name}` cannot be a `{type(value).__name__}`", hint)
