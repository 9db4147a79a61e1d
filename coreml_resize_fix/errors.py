"""Every error a user can meet, as one tree.

    ResizeFixError            exit code 2, carries a hint: what to do next
    ├── UsageError            options that contradict each other
    ├── ModelError            the model file cannot be read
    │   ├── NotAModelError    it is something else (a PyTorch file, an ONNX file, a folder, …)
    │   ├── MLProgramError    it is a pipeline with an ML Program that makes no sense
    │   └── SchemaError       the installed coremltools is missing, or too old for this model
    ├── ManifestError         the intent file is missing or has defects (all of them are listed)
    │   └── NoManifestError   a folder of manifests has none for a model
    ├── BadReferenceError     `--reference` cannot be read, or is none of this model
    ├── OutputError           the result cannot be written where it was asked to go
    ├── UnmatchedError        exit code 1: `fix` of the Python interface left layers unmatched
    └── ProofError            exit code 1: a planned result failed its proof; nothing was written

A finding about a layer is never an exception: it is a value (see `auditing.findings`).
"""

import errno
from contextlib import contextmanager
from typing import Any, Iterator, Sequence, Tuple

# The pages that messages name; an installed package has none of them.
DOCS = "https://github.com/coreml-resize-fix/coreml-resize-fix/blob/main/docs/"

# What the system says of a library for which there is no memory.
_NOT_MAPPED = "failed to map segment"


def reason(error: OSError) -> str:
    """What the system says of a call that failed, as the end of a sentence."""
    return (error.strerror or str(error) or "it does not say why").lower()


def told(error: BaseException) -> str:
    """What another library says of a failure, as the end of a sentence; names stay as they are."""
    if isinstance(error, OSError):
        return reason(error)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return begun_small(lines[0].rstrip("."))


def begun_small(text: str) -> str:
    """A sentence as the end of another: its first word in small letters, if it is not a name."""
    begin, _, _ = text.partition(" ")
    return text[:1].lower() + text[1:] if begin[1:].islower() or len(begin) == 1 else text


def lacks_memory(error: BaseException) -> bool:
    """Whether an error comes from a lack of memory; a failed import reports that as text."""
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or (isinstance(error, ImportError) and _NOT_MAPPED in str(error))
    )


class ResizeFixError(Exception):
    """A refusal that ends a run: `message` is the fact, `hint` says what to do next.

    `details` are lines between the two; `str(error)` is all of it, as the command prints it.
    """

    exit_code = 2
    details: Tuple[str, ...] = ()

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        help_line = [f"help: {self.hint}"] if self.hint else []
        return "\n".join([self.message, *(f"  {line}" for line in self.details), *help_line])


class UsageError(ResizeFixError):
    """Options that are unknown or contradict each other."""


class ModelError(ResizeFixError):
    """The model file cannot be read."""


class NotAModelError(ModelError):
    """The path holds something that is not a Core ML model."""


class MLProgramError(ModelError):
    """An ML Program inside of a pipeline makes no sense."""


class SchemaError(ModelError):
    """The installed coremltools cannot describe this model."""


class ManifestError(ResizeFixError):
    """The intent file is missing or wrong; `defects` holds every defect as `path: what`."""

    def __init__(self, message: str, hint: str = "", defects: Sequence[str] = ()) -> None:
        super().__init__(message, hint)
        self.defects = self.details = tuple(defects)


class NoManifestError(ManifestError):
    """A folder of manifests has none for a model."""


class BadReferenceError(ResizeFixError):
    """The reference of a whole network cannot be read, or does not fit the model."""


class OutputError(ResizeFixError):
    """The result cannot be written."""


class UnmatchedError(ResizeFixError):
    """Some layer cannot be matched, so nothing was changed; `report` holds every finding.

    Or all layers are right, and the result cannot run or is not as the reference has it for another
    reason; it was written if `report.output` names it.
    """

    exit_code = 1

    def __init__(self, report: Any) -> None:
        not_in_the_way = ("match", "fixed", "fixable")
        reasons = [
            finding.message for finding in report.findings if finding.verdict not in not_in_the_way
        ]
        reasons += [f"`{intent.label}` has no layer" for intent in report.unused]
        reasons += [
            f"`{found.address}` (`{found.layer}`) cannot run: {found.message}"
            for found in report.cannot_run
        ]
        if report.network is not None and not report.network.holds:
            reasons.append(report.network.message)
        first = reasons[0] if reasons else "its network runs at no size beside the default"
        super().__init__(
            f"`{report.path}` cannot be fixed as a whole: {first}",
            f"{_allowing(report)}print `error.report`, "
            "or pass `partial=True` to take the fixes that there are",
        )
        self.report = report

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.report,)  # of which the message is made again


def _allowing(report: Any) -> str:
    """The arguments behind which there are exact fixes, which findings name as options."""
    options = sorted({need for finding in report.findings for need in finding.needs})
    named = (option[2:].replace("-", "_").partition(" ") for option in options)
    given = [f'`{name}="{value}"`' if value else f"`{name}=True`" for name, _, value in named]
    return f"pass {' and '.join(given)} to allow exact fixes, " if given else ""


@contextmanager
def translate_os_errors(what: str) -> Iterator[None]:
    """Turn an OSError that was not expected into an error that names `what` is worked on.

    Raises:
        ResizeFixError: instead of an OSError, except for that of a closed pipe.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ResizeFixError(
            f"the system failed at {what}: {reason(error)}",
            "its files are as they were, or complete; check the disk and run again",
        ) from error


class ProofError(ResizeFixError):
    """A planned result did not prove to be right; the input is untouched."""

    exit_code = 1
