"""Recorded tensors beside a manifest: `intent.npz` beside `intent.json`."""

import os
import zipfile
from typing import Dict, Optional

import numpy as np

from coreml_resize_fix.errors import ManifestError
from coreml_resize_fix.verify.compare import Recorded

INPUT, OUTPUT = "interp{}_in", "interp{}_out"


def load(manifest: str, count: int) -> Dict[int, Recorded]:
    """Tensors by place in the manifest's `resizes`; none if there is no file beside it.

    Arrays are named `interp0_in`, `interp0_out`, and so on. No pickled object is ever loaded.

    Raises:
        ManifestError: there is a file, and it holds no such tensors.
    """
    path = os.path.splitext(manifest)[0] + ".npz"
    if not os.path.isfile(path):
        return {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {index: _pair(arrays, index) for index in range(count)}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ManifestError(
            "the recorded tensors in `{}` cannot be read: {}".format(path, str(error).lower()),
            "record them again, remove the file, or pass `--no-verify`",
        ) from error
    return {index: pair for index, pair in found.items() if pair is not None}


def _pair(arrays: "np.lib.npyio.NpzFile", index: int) -> Optional[Recorded]:
    names = INPUT.format(index), OUTPUT.format(index)
    if not all(name in arrays.files for name in names):
        return None
    source, result = (arrays[name] for name in names)
    usable = all(a.ndim >= 2 and a.size and a.dtype.kind == "f" for a in (source, result))
    return Recorded(source, result) if usable else None
