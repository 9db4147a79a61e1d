"""Messages for a file that the system does not read or write."""

import errno

from coreml_resize_fix.errors import ModelError, OutputError, reason

_HINTS = {
    errno.ENAMETOOLONG: "nothing was written; choose a shorter name with `--output`",
    errno.EISDIR: "nothing was written; choose another name: a folder has this one",
    errno.EIO: "nothing was written; check the disk and run again",
}


def unwritten(name: str, error: OSError) -> OutputError:
    """The error of a file or a package that could not be written."""
    return OutputError(
        f"cannot write `{name}`: {reason(error)}",
        _HINTS.get(
            error.errno or 0, "nothing was written; free the space or the permission and run again"
        ),
    )


def unwritable(folder: str, error: OSError) -> OutputError:
    """The error of a folder in which nothing can be made."""
    return OutputError(
        f"cannot write in `{folder}`: {reason(error)}",
        _HINTS.get(
            error.errno or 0, "choose a folder that you may write to, for a model with `--output`"
        ),
    )


def unreadable(path: str, error: OSError) -> ModelError:
    """The error of a file or folder that cannot be read."""
    return ModelError(
        f"cannot read `{path}`: {reason(error)}",
        "nothing was written; check the file, its permissions and the disk",
    )


def existing(path: str, or_else: str = "") -> OutputError:
    """The error of a file or a package that would be overwritten unasked."""
    return OutputError(f"`{path}` exists", f"pass `--force` to overwrite it{or_else}")
