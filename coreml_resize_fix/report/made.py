"""What a page says of itself: the command that made it, and when."""

import os
import shlex
from datetime import datetime, timezone
from typing import Sequence

from coreml_resize_fix.errors import UsageError

_EPOCH = "SOURCE_DATE_EPOCH"  # reproducible-builds.org/specs/source-date-epoch


def now() -> datetime:
    """The time in UTC; what SOURCE_DATE_EPOCH says, so that equal runs can make equal pages.

    Raises:
        UsageError: that is set, and not a number of seconds.
    """
    text = os.environ.get(_EPOCH)
    try:
        if text:
            return datetime.fromtimestamp(int(text), timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"`{_EPOCH}` is `{text}`, and not a number of seconds", "correct it, or unset it"
        ) from None
    return datetime.now(timezone.utc)


def command(arguments: Sequence[str]) -> str:
    """The command as a shell takes it."""
    return " ".join(map(shlex.quote, ("coreml-resize-fix", *arguments)))
