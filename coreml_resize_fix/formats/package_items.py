"""What the Manifest.json of a package lists besides its model."""

import json
import os
import re
import textwrap
import uuid
from typing import Any, Optional, Tuple

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats import package
from coreml_resize_fix.formats.protobuf.splice import Patch
from coreml_resize_fix.formats.protobuf.wire import Stamp, stamp

_WEIGHTS_ITEM = {
    "author": "com.apple.CoreML",
    "description": "CoreML Model Weights",
    "name": "weights",
}
# In a string of JSON both quotes would have a backslash before them.
_ENTRIES = re.compile(rb'"itemInfoEntries"\s*:\s*\{')


def listing(path: str, folder: str) -> Optional[Tuple[str, Tuple[Patch, ...], Stamp]]:
    """The Manifest.json of a package, what it gains so that it lists a folder, and its stamp.

    None if it lists the folder, or one around it. The entry is the one that coremltools writes for
    weights.

    Raises:
        ModelError: the manifest cannot be extended.
    """
    name = os.path.join(path, "Manifest.json")
    item = os.path.relpath(folder, os.path.realpath(os.path.join(path, "Data")))
    with open(name, "rb") as file:
        there, data = stamp(file.fileno()), file.read(package.LONGEST_MANIFEST)
    try:
        patch = _listed(data, item.replace(os.sep, "/"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"`{path}` has a Manifest.json that cannot be extended by an item",
            "save the package again with coremltools",
        ) from error
    return None if patch is None else (name, (patch,), there)


def _listed(data: bytes, item: str) -> Optional[Patch]:
    manifest: Any = json.loads(data.decode("utf-8"))
    entries = manifest["itemInfoEntries"]
    if any(f"{item}/".startswith(f"{entry['path'].rstrip('/')}/") for entry in entries.values()):
        return None
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{manifest['rootModelIdentifier']}/{item}"))
    entries[key] = {**_WEIGHTS_ITEM, "path": item}
    added = textwrap.indent(json.dumps({key: entries[key]}, indent=4)[2:-2], "    ")
    begin = _ENTRIES.search(data)
    at = begin.end() if begin is not None else 0
    patch = Patch(at, at, f"\n{added},".encode())
    # A key that is there twice, or written with escapes, is not where it seems.
    made = data[:at] + patch.data + data[at:]
    if json.loads(made.decode("utf-8")) != manifest:
        raise ValueError(item)
    return patch
