"""What comes out of a run, as values: the report of a model, a failure, and all of them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import List, Optional, Tuple, Union

from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.displacement import Displacement
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.layer_names import LayerNames
from coreml_resize_fix.auditing.without_layer import MISSING, WithoutLayer
from coreml_resize_fix.errors import ResizeFixError
from coreml_resize_fix.formats.model import NEURAL_NETWORK
from coreml_resize_fix.formats.shapes import Conflict, UsableSizes
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.short_repr import shortened
from coreml_resize_fix.verify.agreement import Agreement, Effects
from coreml_resize_fix.verify.overview import Overview

EXPLAINED = 20  # wrong names of which it is worked out what is meant


@dataclass(frozen=True)
class ModelReport:
    """What was found in one model, and what was done.

    `sha256` is that of the model file that was read, `output_sha256` of the one that was written,
    if known. `unused` are intents that lack a layer, `need_no_layer` those that need none.
    `displacements` say by how much the file as it is moves what its outputs show. `cannot_run` are
    the shapes that do not fit at the default size of the inputs, in the result as planned, and
    `usable` are the sizes at which that runs where the inputs vary. `network` is how far the
    outputs agree with a reference, None without one; `overview` is what a page shows of it.
    `effects` are what wrong resizes do to the outputs, None where that was not measured.
    `by_tensorflow`: its converter says that it is of TensorFlow or Keras.
    """

    path: str
    output: Optional[str]
    sha256: Optional[str]
    spec_before: int
    spec_after: int
    findings: Tuple[Finding, ...]
    unused: Tuple[Intent, ...]
    notices: Tuple[str, ...]
    asked: bool
    displacements: Tuple[Displacement, ...] = ()
    need_no_layer: Tuple[WithoutLayer, ...] = ()
    cannot_run: Tuple[Conflict, ...] = ()
    usable: Optional[UsableSizes] = None
    model_kind: str = NEURAL_NETWORK
    network: Optional[Agreement] = None
    overview: Optional[Overview] = field(default=None, compare=False)
    effects: Optional[Effects] = None
    output_sha256: Optional[str] = None
    by_tensorflow: bool = False

    def __repr__(self) -> str:
        counts = Counter(finding.verdict for finding in self.findings)
        found = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        said = found if self.asked else f"{len(self.findings)} listed"
        return f"Report({shortened(self.path)}: {said or 'no resize'}, exit code {self.exit_code})"

    @property
    def codes(self) -> Tuple[Code, ...]:
        """Codes of what is wrong with the model as a whole."""
        if self.cannot_run:
            return (Code.CANNOT_RUN,)
        if self.usable is not None and not self.usable.everywhere:
            return (Code.SIZES_THAT_CANNOT_RUN,)
        return ()

    @property
    def runs(self) -> bool:
        """Whether it runs at its default size, and at another one where the inputs vary."""
        stuck = self.usable is not None and self.usable.only_default
        return not self.cannot_run and not stuck

    @property
    def exit_code(self) -> int:
        """0 all calls, layers and outputs are right, 1 something is not, 3 nothing was compared."""
        if self.network is not None and not self.network.holds:
            return 1
        if not self.asked:
            return 3 if self.network is None else 0
        if self.unused or any(finding.verdict not in findings.RIGHT for finding in self.findings):
            return 1
        if not self.runs:
            return 1
        return 0 if self.findings or self.need_no_layer or self.network is not None else 3

    @property
    def without_layer(self) -> List[WithoutLayer]:
        """Every intent that no layer stands for, and why, in the order of the manifest."""
        every = [*self._missing(), *self.need_no_layer]
        return sorted(every, key=lambda one: one.intent.index or 0)

    def _missing(self) -> List[WithoutLayer]:
        """The intents whose layer is missing; the first with what is wrong with its name."""
        if not self.unused:
            return []
        names = self.layer_names
        explained = [
            names.why_none(intent.layer, intent.label) if intent.layer is not None else ""
            for intent in self.unused[:EXPLAINED]
        ]
        rest = [""] * (len(self.unused) - len(explained))
        pairs = zip(self.unused, explained + rest)
        return [WithoutLayer(intent, MISSING, why) for intent, why in pairs]

    @property
    def layer_names(self) -> LayerNames:
        """What the names in a manifest mean in this model."""
        return LayerNames([finding.layer for finding in self.findings])


@dataclass(frozen=True)
class Failure:
    """A model that was not read, proved or written, and why; `path` None: the run as a whole.

    `hint` says what to do next, `details` are lines between the two (the defects of a manifest).
    """

    path: Optional[str]
    message: str
    hint: str
    exit_code: int = 2
    details: Tuple[str, ...] = ()

    @classmethod
    def from_error(cls, error: ResizeFixError, path: Optional[str] = None) -> "Failure":
        """An error as a value; `path` is the model that it happened at."""
        return cls(path, error.message, error.hint, error.exit_code, error.details)


Result = Union[ModelReport, Failure]  # of one model

# Worst first: nothing compared is worse than all right, and an error hides what was found.
_WORST_FIRST = (2, 1, 3, 0)


@dataclass(frozen=True)
class Run:
    """What a command found, in the order of its models; a bad one does not stop the others.

    `allow_nothing`: that nothing was compared is no reason to fail. `verbose` asks for everything.
    `arguments` are those of the command, as they were typed; none from Python.
    """

    results: Tuple[Result, ...]
    dry_run: bool = False
    allow_nothing: bool = False
    verbose: bool = False
    arguments: Tuple[str, ...] = ()

    @property
    def models(self) -> List[Result]:
        """Results of single models, without failures of the run as a whole."""
        return [result for result in self.results if result.path is not None]

    @property
    def reports(self) -> List[ModelReport]:
        return [result for result in self.results if isinstance(result, ModelReport)]

    @property
    def failures(self) -> List[Failure]:
        return [result for result in self.results if isinstance(result, Failure)]

    @property
    def exit_code(self) -> int:
        """The worst of all: 2 error, 1 something differs, 3 nothing was compared, 0 all right."""
        codes = {result.exit_code for result in self.results} or {3}
        worst = next(code for code in _WORST_FIRST if code in codes)
        return 0 if worst == 3 and self.allow_nothing else worst
