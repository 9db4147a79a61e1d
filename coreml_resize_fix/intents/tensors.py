"""Recorded tensors beside a manifest: `intent.npz` beside `intent.json`.

Arrays are named `interp0_in`, `interp0_out` and so on, and those of the whole network `input_` and
`output_` with a name, in the order of its arguments and results.
"""

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, NamedTuple, Optional

from coreml_resize_fix.errors import ManifestError, told
from coreml_resize_fix.short_repr import short_repr

if TYPE_CHECKING:
    import numpy as np

INPUT, OUTPUT = "interp{}_in", "interp{}_out"
NETWORK_INPUT, NETWORK_OUTPUT = "input_", "output_"
LARGEST = 1 << 30  # bytes of all recorded tensors, unpacked
_LONGEST_HEADER = 10_000  # bytes of what says the shape of an array
_SUFFIX = ".npy"


Tensors = Mapping[int, "Recorded"]  # by index in the manifest


class Recorded(NamedTuple):
    """The tensors of one recorded call, (…, height, width)."""

    input: "np.ndarray"
    output: "np.ndarray"

    def __repr__(self) -> str:
        return short_repr(self)


class NetworkTensors(NamedTuple):
    """What a whole network gets and gives, by name, in the order of its arguments and results."""

    inputs: "Dict[str, np.ndarray]"
    outputs: "Dict[str, np.ndarray]"

    def __repr__(self) -> str:
        return short_repr(self)


def beside(manifest: str) -> str:
    """Path of the tensors that belong to a manifest."""
    return os.path.splitext(manifest)[0] + ".npz"


def save(
    manifest: str,
    tensors: Mapping[int, Recorded],
    network: Optional[NetworkTensors] = None,
) -> None:
    """Write tensors beside a manifest, under the names that `load` reads, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    import numpy as np

    from coreml_resize_fix.files import atomic

    arrays: Dict[str, Any] = {}
    for index, pair in tensors.items():
        arrays[INPUT.format(index)], arrays[OUTPUT.format(index)] = pair
    if network is not None:
        for prefix, values in zip((NETWORK_INPUT, NETWORK_OUTPUT), network):
            arrays.update((prefix + name, array) for name, array in values.items())
    with atomic.file(beside(manifest), replace=True) as file:
        np.savez_compressed(file, **arrays)


def load(manifest: str, count: int) -> Dict[int, Recorded]:
    """Tensors by index in the manifest's `resizes`; none if there is no file beside it.

    Arrays are named `interp0_in`, `interp0_out`, and so on. No pickled object is ever loaded.

    Raises:
        ManifestError: the file does not hold such tensors.
    """
    path = beside(manifest)
    if not os.path.isfile(path):
        return {}
    try:
        return read_resizes(path, count)
    except Exception as error:  # which ones zipfile and NumPy raise depends on their versions
        raise _unreadable(path, error) from error


def load_network(manifest: str) -> Optional[NetworkTensors]:
    """Tensors of the whole network beside a manifest; None if there are none.

    Raises:
        ManifestError: the file cannot be read.
    """
    path = beside(manifest)
    if not os.path.isfile(path):
        return None
    try:
        found = read_network(path)
    except Exception as error:
        raise _unreadable(path, error) from error
    return found if any(found) else None


def _unreadable(path: str, error: Exception) -> ManifestError:
    return ManifestError(
        f"the recorded tensors in `{path}` cannot be read: {told(error)}",
        "record them again, or remove the file",
    )


def read_resizes(path: str, count: int) -> Dict[int, Recorded]:
    """The tensors of the first `count` resizes in a file, as far as it has them.

    Raises:
        Exception: the file cannot be read; which one depends on zipfile and NumPy.
    """
    names = {form.format(index) for index in range(count) for form in (INPUT, OUTPUT)}
    arrays = _read(path, names.__contains__)
    pairs = ((index, _pair(arrays, index)) for index in range(count))
    return {index: pair for index, pair in pairs if pair is not None}


def read_network(path: str) -> NetworkTensors:
    """What a file has of the whole network.

    Raises:
        Exception: the file cannot be read; which one depends on zipfile and NumPy.
    """
    prefixes = NETWORK_INPUT, NETWORK_OUTPUT
    arrays = _read(path, lambda name: name.startswith(prefixes))
    inputs, outputs = (
        {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}
        for start in prefixes
    )
    return NetworkTensors(inputs, outputs)


def _read(path: str, wanted: Callable[[str], bool]) -> "Dict[str, np.ndarray]":
    """The wanted arrays of a file, in its order; no pickled object is ever loaded.

    The unpacked size, which may be much larger than that of the file, is checked before.
    """
    from zipfile import BadZipFile, ZipFile

    try:
        opened = ZipFile(path)
    except BadZipFile:
        whole = "it is no .npz file, or cut off" if os.path.getsize(path) else "it is empty"
        raise ValueError(whole) from None
    with opened as archive:
        found: Dict[str, Any] = {}
        for item in archive.infolist():
            name = (
                item.filename[: -len(_SUFFIX)] if item.filename.endswith(_SUFFIX) else item.filename
            )
            if wanted(name):
                if name in found:
                    raise ValueError(f"`{name}` is there more than once")
                found[name] = item
        size = sum(item.file_size for item in found.values())
        if size > LARGEST:
            raise ValueError(f"they are {size} bytes, and at most {LARGEST} are read")
        return {name: _array(archive, item) for name, item in found.items()}


def _array(archive: Any, item: Any) -> "np.ndarray":
    """What NumPy wrote; the header is bounded here, as versions before 1.24 do not bound it."""
    import numpy as np

    with archive.open(item) as stream:
        try:
            version = np.lib.format.read_magic(stream)
        except ValueError:
            raise ValueError(f"`{item.filename}` is no array of NumPy") from None
        length = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"`{item.filename}` has a header of {length} bytes")
    with archive.open(item) as stream:
        try:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
        except ValueError as error:
            if "pickle" not in str(error):
                raise
            raise ValueError(f"`{item.filename}` holds Python objects, no numbers") from None


def _pair(arrays: "Mapping[str, np.ndarray]", index: int) -> Optional[Recorded]:
    names = INPUT.format(index), OUTPUT.format(index)
    if not all(name in arrays for name in names):
        return None
    source, result = (arrays[name] for name in names)
    usable = all(a.ndim >= 2 and a.size and a.dtype.kind == "f" for a in (source, result))
    return Recorded(source, result) if usable else None
