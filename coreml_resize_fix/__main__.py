"""`python -m coreml_resize_fix`, and the command itself: however it ends, it says so in a sentence.

Imports stand inside of functions: Ctrl-C and a machine without memory do not wait for them.
"""

import gc
import sys

# Structures are read whole and live as long as the run. Python would search them for garbage every
# 700 objects: a tenth of an audit, a fifth of many. Arrays are in no cycles, and go when last used.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> None:
    """Run the command line; its exit code is 128 + its number where a signal ended it."""
    try:
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        from coreml_resize_fix.cli import streams
        from coreml_resize_fix.run import signals

        with signals.as_exceptions():
            streams.complete()
            from coreml_resize_fix.cli import command

            command.main()
    except KeyboardInterrupt:  # before signals were exceptions
        sys.exit(130)
    except Exception as error:
        if "-v" in sys.argv or "--verbose" in sys.argv:
            sys.excepthook(type(error), error, error.__traceback__)
        _complain(error)
        sys.exit(2)


def _complain(error: Exception) -> None:
    """Say what went wrong outside of any model, and what to do."""
    from coreml_resize_fix.cli import streams
    from coreml_resize_fix.errors import lacks_memory, reason

    what = f"a defect of this tool stopped it: {type(error).__name__}: {error}"
    advice = "run again with `-v` and report what it prints"
    if lacks_memory(error):
        what, advice = "there is not enough memory", "end other programs, or allow this one more"
    elif isinstance(error, OSError) and error.filename is not None:
        what = f"the system failed at `{error.filename}`: {reason(error)}"
        advice = "check the disk and run again"
    elif isinstance(error, OSError):
        streams.give_up(sys.stdout)
        what = f"the output cannot be written: {reason(error)}"
        advice = "send it elsewhere; files that were asked for are as they were, or complete"
    # As `report.plain` shows names, whose import may be what fails.
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in what)
    try:
        sys.stderr.write(f"error: {shown}\nhelp: {advice}\n")
        sys.stderr.flush()
    except OSError:
        streams.give_up(sys.stderr)


if __name__ == "__main__":
    main()
