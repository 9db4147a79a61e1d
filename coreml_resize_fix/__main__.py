"""`python -m coreml_resize_fix`, and the command itself: however it ends, it says so in a sentence.

Imports stand inside of functions: Ctrl-C and a machine without memory do not wait for them.
"""

import sys
from typing import Tuple

_NO_MEMORY = "there is not enough memory", "end other programs, or allow this one more"


def main() -> None:
    """Run the command line; its exit code is 128 + its number where a signal ended it."""
    try:
        from coreml_resize_fix import signals, streams

        with signals.as_exceptions():
            streams.complete()
            from coreml_resize_fix.cli import command

            command.main()
    except KeyboardInterrupt:  # before signals were exceptions
        sys.exit(130)
    except Exception as error:
        if "-v" in sys.argv or "--verbose" in sys.argv:
            from traceback import print_exc

            print_exc()
        sys.exit(_told(error))


def _told(error: Exception) -> int:
    """Say what went wrong outside of any model; returns the exit code."""
    from coreml_resize_fix import streams

    if isinstance(error, OSError) and error.filename is None:
        streams.give_up(sys.stdout)
    what, advice = _NO_MEMORY if isinstance(error, MemoryError) else _sentence(error)
    # As `report.plain` shows names, whose import may be what there was no memory for.
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in what)
    streams.complain("error: {}\nhelp: {}\n".format(shown, advice))
    return 2


def _sentence(error: Exception) -> Tuple[str, str]:
    """What happened, and what to do."""
    from coreml_resize_fix.errors import lacks_memory, reason

    if lacks_memory(error):
        return _NO_MEMORY
    if isinstance(error, OSError):
        if error.filename is not None:
            return (
                "the system failed at `{}`: {}".format(error.filename, reason(error)),
                "check the disk and run again",
            )
        return (
            "the output cannot be written: {}".format(reason(error)),
            "files that were asked for are as they were, or complete; send the output elsewhere",
        )
    if isinstance(error, RuntimeError) and "ASCII" in str(error):
        return (
            "click 7 does not run where text is ASCII",
            "set the environment variable LC_ALL to C.UTF-8, or install click 8",
        )
    return (
        "a defect of this tool stopped it: {}: {}".format(type(error).__name__, error),
        "run again with `-v` and report what it prints",
    )


if __name__ == "__main__":
    main()
