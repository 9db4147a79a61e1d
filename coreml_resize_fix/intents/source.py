"""Load intents from a manifest or the file of a network, and save them with their tensors."""

import json
import os
from importlib import import_module
from typing import Any, Dict, Iterable, List, Optional

from coreml_resize_fix.intents import manifest, tensors
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.tensors import NetworkTensors, Recorded
from coreml_resize_fix.short_repr import shortened

# suffix of a network's file -> the folder whose `reader.py` has its intents, imported when needed
READERS = {
    ".onnx": "onnx",
    ".tflite": "tflite",
    ".pb": "frozen_graph",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
}


class Manifest(List[Intent]):
    """Intents in order of execution, with the tensors that were recorded with them.

    `notices` are remarks for the user. `tensors` has the recorded tensors of each intent by its
    index. `network` has those of the whole network if they were recorded in this process; of a
    manifest that was loaded, `network_tensors` reads them from the file beside it.
    """

    network: Optional[NetworkTensors] = None
    _loaded_from: Optional[str] = None

    def __init__(self, intents: Iterable[Intent] = (), notices: Iterable[str] = ()) -> None:
        super().__init__(intents)
        self.notices = list(notices)
        self.tensors: Dict[int, Recorded] = {}

    def __repr__(self) -> str:
        labels = shortened([intent.label for intent in self])
        return f"Manifest({labels})"

    @classmethod
    def load(cls, path: str) -> "Manifest":
        """Read a .json manifest, with the tensors beside it if there are any, or a network's file.

        `-` is a manifest on standard input, which has nothing beside it.

        Raises:
            ManifestError: the file cannot be read, or has defects; all of them are listed.
        """
        folder = READERS.get(os.path.splitext(path.lower())[1])
        if folder is not None:
            read = import_module(f"coreml_resize_fix.intents.{folder}.reader").load(path)
            found = cls(read.intents, read.notices)
            found._loaded_from = path
            return found
        loaded = cls(manifest.load(path))
        if path == manifest.STANDARD_INPUT:
            return loaded
        loaded.tensors = tensors.load(path, len(loaded))
        loaded._loaded_from = path
        return loaded

    def save(self, path: str) -> None:
        """Write the long form, and the tensors (`<stem>.npz`) beside it if there are any.

        Raises:
            OutputError: the file cannot be written.
            ManifestError: the tensors beside the manifest that was loaded cannot be read any more.
        """
        network = self.network_tensors()
        write(path, self.document())
        if self.tensors or network is not None:
            tensors.save(path, self.tensors, network)

    def network_tensors(self) -> Optional[NetworkTensors]:
        """Recorded tensors of the whole network: of this process, or beside what was loaded.

        Raises:
            ManifestError: they cannot be read.
        """
        if self.network is None and self._loaded_from is not None:
            return tensors.load_network(self._loaded_from)
        return self.network

    def document(self) -> Dict[str, Any]:
        """The long form of the manifest as JSON values, without those that are not known."""
        first = self[0] if self else Intent()
        producer = {"framework": first.framework, "version": first.framework_version}
        return {
            "format": manifest.FORMAT,
            "version": manifest.VERSION,
            "producer": known(None, producer),
            "resizes": [known(first.framework, intent.as_dict()) for intent in self],
        }


def known(framework: Optional[str], values: Dict[str, Any]) -> Dict[str, Any]:
    """The values that are not None, and the framework only if it differs from `framework`."""
    return {
        key: value
        for key, value in values.items()
        if value is not None and (key, value) != ("framework", framework)
    }


class ManifestReader:
    """Loads manifests, and keeps the last one: the models of a batch often share it.

    It is sent to worker processes with the manifest in it, since a pipe can be read only once.
    """

    def __init__(self) -> None:
        self._path: Optional[str] = None
        self._manifest = Manifest()

    def __call__(self, path: str) -> Manifest:
        """The manifest at `path`.

        Raises:
            ManifestError: the file cannot be read, or has defects; all of them are listed.
        """
        if path != self._path:
            self._manifest, self._path = Manifest.load(path), path
        return self._manifest


def write(path: str, document: Dict[str, Any]) -> None:
    """Write a manifest, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    from coreml_resize_fix.files import atomic

    text = json_text(document) + "\n"
    with atomic.file(path, replace=True) as file:
        # Characters that UTF-8 cannot encode become JSON escapes.
        file.write(text.encode("utf-8", "backslashreplace"))


def json_text(value: Any, margin: str = "\n") -> str:
    """JSON in which each key has a line, and a list of numbers is on that of its key."""
    inside = margin + "  "
    if isinstance(value, dict) and value:
        pairs = [f"{json.dumps(key)}: {json_text(item, inside)}" for key, item in value.items()]
        return f"{{{inside}{f',{inside}'.join(pairs)}{margin}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return f"[{inside}{f',{inside}'.join(json_text(item, inside) for item in value)}{margin}]"
    return json.dumps(value, ensure_ascii=False)
