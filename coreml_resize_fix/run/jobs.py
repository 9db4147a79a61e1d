"""Work out the models of a run and the paths of each, once, before any is read."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import List, Optional, Sequence, Type

from coreml_resize_fix.errors import (
    BadReferenceError,
    ManifestError,
    NoManifestError,
    OutputError,
    ResizeFixError,
    reason,
    translate_os_errors,
)
from coreml_resize_fix.files import places
from coreml_resize_fix.formats import sniff
from coreml_resize_fix.formats.package import SUFFIX, is_package, suffix_of
from coreml_resize_fix.intents.manifest import STANDARD_INPUT
from coreml_resize_fix.intents.source import READERS
from coreml_resize_fix.run import outputs
from coreml_resize_fix.run.model_paths import Found

_SEPARATORS = os.sep + (os.altsep or "")
# What the manifest and the reference of `net.mlmodel` may be called in a folder of them.
_MANIFESTS = (".json", ".intent.json", *READERS)
_SAVED_MODEL = "saved_model.pb"  # in a folder that TensorFlow saved, a graph
_REFERENCES = (".npz", ".intent.npz", ".onnx")


@dataclass(frozen=True)
class Job:
    """One model of a run, and every path that belongs to it.

    `model_file` holds the model: the path itself, or a file in a package. `output` is where `-o`
    sends the result, below a folder that is to be made if `in_folder`; `manifest` has the intents,
    `reference` says what the whole network computes.
    A job that cannot be done has a `refusal`, which fails this model alone.
    """

    model: str
    model_file: str = ""
    output: Optional[str] = None
    in_folder: bool = False
    manifest: Optional[str] = None
    refusal: Optional[ResizeFixError] = None
    reference: Optional[str] = None

    @property
    def target(self) -> str:
        """Where the result goes, unless it replaces the input."""
        return self.output or outputs.default_output(self.model)


def resolve_all(
    models: Sequence[Found],
    output: Optional[str] = None,
    manifest: Optional[str] = None,
    reference: Optional[str] = None,
) -> List[Job]:
    """Work out the paths of every job.

    `output` is a file for one model, else a folder; `manifest` and `reference` are files, or
    folders of them.

    Raises:
        OutputError: two models would go to one place, or into what is a model or named as one.
    """
    if output is None or (len(models) == 1 and not _is_folder(output, models[0].path)):
        file = output and output.rstrip(_SEPARATORS)
        return [resolve(path, file, manifest, name, reference=reference) for path, name in models]
    _check_folder(output, models)
    return [
        resolve(path, os.path.join(output, name), manifest, name, True, reference)
        for path, name in models
    ]


def resolve(
    model: str,
    output: Optional[str] = None,
    manifest: Optional[str] = None,
    name: str = "",
    in_folder: bool = False,
    reference: Optional[str] = None,
) -> Job:
    """Work out the paths of one job; `name` is the model's in a folder of manifests."""
    own_manifest, own_reference, model_file, refusal = None, None, "", None
    try:
        with translate_os_errors(f"`{model}`"):
            own_manifest = find_manifest(model, name, manifest)
            own_reference = find_reference(model, name, reference)
            model_file = sniff.model_file(model)
    except ResizeFixError as error:
        refusal = error
    return Job(model, model_file, output, in_folder, own_manifest, refusal, own_reference)


def _is_folder(output: str, model: str) -> bool:
    """Whether `output` is a folder for the result; shells complete packages with `/`, too."""
    if os.path.isdir(output):
        return not is_package(output)
    named_as_package = output.rstrip(_SEPARATORS).endswith(SUFFIX) and is_package(model)
    return output.endswith(tuple(_SEPARATORS)) and not named_as_package


def _check_folder(output: str, models: Sequence[Found]) -> None:
    if is_package(output):
        raise OutputError(
            f"`{output}` is a package, and {len(models)} models would go into it",
            "with several models `--output` is a folder: choose another",
        )
    if suffix_of(output) is not None:
        raise OutputError(
            f"`{output}` is named as a model, and would be a folder of them",
            "end its name otherwise: no folder of that name is looked into for models",
        )
    twice = [name for name, count in Counter(name for _, name in models).items() if count > 1]
    if twice:
        raise OutputError(
            f"two models are called `{min(twice)}`, and both would go to `{output}`",
            "run once for each",
        )


def find_manifest(model: str, name: str, given: Optional[str]) -> Optional[str]:
    """Find the manifest of one model: the file that was given, or the one of its name in there.

    Raises:
        NoManifestError: the folder has none for the model.
        ManifestError: it has two.
    """
    if not is_folder_of_manifests(given):
        return given
    none, several = NoManifestError, ManifestError
    return _find_in_folder(model, name, given, _MANIFESTS, "manifest", none, several)


def is_folder_of_manifests(given: Optional[str]) -> bool:
    """Whether what was given as the manifest has one for each model."""
    return given is not None and given != STANDARD_INPUT and os.path.isdir(given)


def find_reference(model: str, name: str, given: Optional[str]) -> Optional[str]:
    """Find the reference of one model in the same way.

    Raises:
        BadReferenceError: the folder has none for the model, or two.
    """
    error = BadReferenceError
    return _find_in_folder(model, name, given, _REFERENCES, "reference", error, error)


def _find_in_folder(
    model: str,
    name: str,
    given: Optional[str],
    suffixes: Sequence[str],
    what: str,
    none: Type[ResizeFixError],
    several: Type[ResizeFixError],
) -> Optional[str]:
    if given is None or not os.path.isdir(given):
        return given
    stems = [os.path.splitext(name)[0], os.path.splitext(os.path.basename(name))[0]]
    names = [stem + suffix for stem in dict.fromkeys(stems) for suffix in suffixes]
    found = [name for name in names if os.path.isfile(os.path.join(given, name))]
    if not found and os.path.isfile(os.path.join(given, _SAVED_MODEL)):
        raise none(f"the folder `{given}` is a SavedModel", f"pass the file `{_SAVED_MODEL}` in it")
    if len(found) != 1:
        has = "both " + " and ".join(found) if found else f"no {what}"
        *forms, last = (f"`{stems[-1]}{one}`" for one in suffixes if one.count(".") == 1)
        raise (several if found else none)(
            f"the folder `{given}` has {has} for `{model}`",
            "keep one of them" if found else f"name it {', '.join(forms)} or {last}",
        )
    return os.path.join(given, found[0])


def make_folders(jobs: Sequence[Job]) -> None:
    """Make the folders that results go to.

    Raises:
        OutputError: one cannot be made, or would be inside of an input.
        OSError: the system does not say what is there.
    """
    folders = [(os.path.dirname(job.target), job) for job in jobs if job.in_folder]
    for folder, job in folders:
        if places.is_inside(folder, job.model):
            raise outputs.inside_of_input(job.target)
    for folder, _ in folders:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the folder `{folder}`: {reason(error)}",
                "with several models `--output` is a folder: choose another",
            ) from error
