"""What to compare with and what to do: the options of a run, as values."""

from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.formats.origin import Origin
from coreml_resize_fix.formats.spec_versions import parse_target
from coreml_resize_fix.intents import assume as assumption
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import Tensors


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
    tensors: Tensors = field(default_factory=dict)
    notices: Tuple[str, ...] = ()
    pictures: bool = False
    rewrite_downscales: bool = False
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def has_intents(self) -> bool:
        return self.manifest is not None or self.assume is not None

    @property
    def measures(self) -> bool:
        """Whether values are compared, too."""
        if self.verify is None:
            return not self.dry_run or bool(self.tensors)
        return self.verify

    def with_manifest(self, intents: Sequence[Intent]) -> "Request":
        """The same with these intents, and what a `Manifest` carries beside them."""
        return replace(
            self,
            manifest=intents,
            tensors=getattr(intents, "tensors", {}),
            notices=tuple(getattr(intents, "notices", ())),
        )


def read_options(
    assume: Optional[str], deployment_target: Optional[str], **options: Any
) -> Request:
    """Make a request of options as a user writes them; `options` are the other fields of it.

    Raises:
        UsageError: `assume` or `deployment_target` is not of its form.
    """
    return Request(
        assume=assumption.parse(assume) if assume is not None else None,
        target=parse_target(deployment_target) if deployment_target is not None else None,
        **options,
    )
