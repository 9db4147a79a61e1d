"""A saved Keras model as a manifest: the intents of the layers in its configuration.

Nothing of it runs, and no weights are read. `.keras` is a zip archive with `config.json` (Keras 2
also wrote HDF5 under that name), `.h5` and `.hdf5` are HDF5 with an attribute `model_config`.
"""

import json
import zipfile
from typing import Any, NamedTuple, Optional

from coreml_resize_fix.errors import ManifestError, lacks_memory
from coreml_resize_fix.intents.keras import hdf5
from coreml_resize_fix.intents.keras.config import NoModelError, read_config
from coreml_resize_fix.intents.network_file import NetworkFile
from coreml_resize_fix.intents.node_notices import NodeIntents

LONGEST = 1 << 25  # bytes of a configuration; ten thousand layers take a third of it
_LONGEST_NUMBER = 20  # digits of a whole number; Python takes their square in time

_KIND = NetworkFile(
    "a saved Keras model",
    ".keras or .h5",
    "pass a file that `model.save` wrote, or record the model with `record_intents`",
)
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
_CONFIG, _METADATA = "config.json", "metadata.json"


class Saved(NamedTuple):
    """What a file says: the texts of its configuration, and of what wrote it."""

    config: bytes
    version: Optional[str]
    backend: Optional[str]


def load(path: str) -> NodeIntents:
    """The intents of a saved Keras model.

    Raises:
        ManifestError: it cannot be read, or is no Keras model with layers in its configuration.
    """
    head = _KIND.head(path, len(_HDF5))
    if head.startswith(_HDF5):
        saved = _from_hdf5(path)
    elif head.startswith(_ZIP):
        saved = _from_zip(path)
    else:
        _KIND.bytes_of(path)  # says what else it is
        raise _KIND.refusal(path, "it is neither a zip archive nor HDF5")
    config = _json(saved.config, path, "its configuration")
    try:
        return read_config(config, saved.version, saved.backend)
    except NoModelError as error:
        raise _KIND.refusal(path, str(error)) from None


def _from_zip(path: str) -> Saved:
    try:
        with zipfile.ZipFile(path) as archive:
            texts = [_member(archive, name) for name in (_CONFIG, _METADATA)]
    except Exception as error:  # which ones zipfile raises depends on its version
        if lacks_memory(error):
            raise
        text = str(error).lower() or type(error).__name__
        raise _KIND.refusal(path, f"its archive cannot be read: {text}") from error
    if texts[0] is None:
        raise _KIND.refusal(path, f"its archive has no `{_CONFIG}`")
    metadata = {} if texts[1] is None else _json(texts[1], path, f"`{_METADATA}`")
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    return Saved(texts[0], version if isinstance(version, str) else None, None)


def _member(archive: zipfile.ZipFile, name: str) -> Optional[bytes]:
    """A file of an archive; no more of it is unpacked than may be there."""
    found = [item for item in archive.infolist() if item.filename == name]
    if len(found) > 1:
        raise ValueError(f"`{name}` is there more than once")
    if not found:
        return None
    with archive.open(found[0]) as stream:
        data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise ValueError(f"`{name}` is longer than {LONGEST >> 20} mib")
    return data


def _from_hdf5(path: str) -> Saved:
    try:
        found = hdf5.attributes(path, LONGEST)
    except hdf5.NoH5pyError:
        raise ManifestError(
            f"`{path}` needs the package h5py, which is not installed",
            "pip install h5py, or save the model as .keras",
        ) from None
    except hdf5.DamagedError:
        raise _KIND.refusal(path, "its HDF5 is damaged") from None
    config, version, backend = (found[name] for name in hdf5.NAMES)
    if config is None:
        raise _KIND.refusal(path, "it has no `model_config`: weights alone, or another HDF5 file")
    return Saved(config, _short(version), _short(backend))


def _short(text: Optional[bytes]) -> Optional[str]:
    return None if text is None else text[:100].decode("utf-8", "replace")


def _json(data: bytes, path: str, what: str) -> Any:
    try:
        return json.loads(data.decode("utf-8"), parse_int=_whole)
    except UnicodeDecodeError as error:
        raise _KIND.refusal(path, f"{what} is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise _KIND.refusal(path, f"{what} is nested too deep") from None
    except ValueError as error:
        raise _KIND.refusal(path, f"{what} is not JSON: {str(error).lower()}") from None


def _whole(digits: str) -> Any:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)
