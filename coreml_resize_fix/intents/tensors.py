"""Recorded tensors beside a manifest: `intent.npz` beside `intent.json`."""

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Optional

from coreml_resize_fix.errors import ManifestError

if TYPE_CHECKING:
    import numpy as np

INPUT, OUTPUT = "interp{}_in", "interp{}_out"
LARGEST = 1 << 30  # bytes of all recorded tensors, unpacked


Tensors = Mapping[int, "Recorded"]  # by index in the manifest


class Recorded(NamedTuple):
    """The tensors of one recorded call, (…, height, width)."""

    input: "np.ndarray"
    output: "np.ndarray"


def beside(manifest: str) -> str:
    """Path of the tensors that belong to a manifest."""
    return os.path.splitext(manifest)[0] + ".npz"


def save(manifest: str, tensors: Mapping[int, Recorded]) -> None:
    """Write tensors beside a manifest, under the names that `load` reads, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    import numpy as np

    from coreml_resize_fix.files import atomic

    arrays: Dict[str, Any] = {}
    for index, pair in tensors.items():
        arrays[INPUT.format(index)], arrays[OUTPUT.format(index)] = pair
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
    import numpy as np

    try:
        _refuse_huge(path, count)
        with np.load(path, allow_pickle=False) as arrays:
            found = {index: _pair(arrays, index) for index in range(count)}
    except Exception as error:  # which ones zipfile and NumPy raise depends on their versions
        raise ManifestError(
            f"the recorded tensors in `{path}` cannot be read: {str(error).lower()}",
            "record them again, or remove the file",
        ) from error
    return {index: pair for index, pair in found.items() if pair is not None}


def _refuse_huge(path: str, count: int) -> None:
    """Check the unpacked size, which may be much larger than that of the file."""
    from zipfile import ZipFile

    names = {
        form.format(index) + suffix  # NumPy finds both
        for index in range(count)
        for form in (INPUT, OUTPUT)
        for suffix in ("", ".npy")
    }
    with ZipFile(path) as archive:
        size = sum(item.file_size for item in archive.infolist() if item.filename in names)
    if size > LARGEST:
        raise ValueError(f"they are {size} bytes, and at most {LARGEST} are read")


def _pair(arrays: "np.lib.npyio.NpzFile", index: int) -> Optional[Recorded]:
    names = INPUT.format(index), OUTPUT.format(index)
    if not all(name in arrays.files for name in names):
        return None
    source, result = (arrays[name] for name in names)
    usable = all(a.ndim >= 2 and a.size and a.dtype.kind == "f" for a in (source, result))
    return Recorded(source, result) if usable else None
