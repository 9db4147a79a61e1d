"""Exchange two paths in one step, if the system and the file system support that."""

import os
import sys

_HERE = -100  # AT_FDCWD: paths are relative to the working directory
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(one: str, other: str) -> bool:
    """Exchange two files or folders of one file system; whether it was done.

    If not, both are where they were. Python has no such call: Linux has renameat2, macOS
    renamex_np.
    """
    import ctypes

    paths = os.fsencode(one), os.fsencode(other)
    try:
        system = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return bool(system.renamex_np(*paths, _EXCHANGE) == 0)
        return bool(system.renameat2(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0)
    except (AttributeError, OSError, TypeError):  # an older C library, or one of Windows
        return False
