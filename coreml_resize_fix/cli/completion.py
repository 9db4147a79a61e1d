"""What a shell may offer as the value of an option (docs/completion.md)."""

from typing import Any, Callable, List, Sequence

import click


class Words(click.ParamType):  # type: ignore[type-arg]
    """Any text; a shell offers the words that `words` gives when it asks.

    click 7 cannot ask: it offers the names of options, and choices.
    """

    name = "text"

    def __init__(self, words: Callable[[], Sequence[str]]) -> None:
        self._words = words

    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> List[Any]:
        from click.shell_completion import CompletionItem

        begun = incomplete.lower()
        return [CompletionItem(word) for word in self._words() if word.lower().startswith(begun)]


def codes() -> List[str]:
    """Every finding code."""
    from coreml_resize_fix.auditing.rules import RULES

    return [*RULES, "list"]


def targets() -> List[str]:
    """Every deployment target."""
    from coreml_resize_fix.formats.spec_versions import known_targets

    return known_targets()
