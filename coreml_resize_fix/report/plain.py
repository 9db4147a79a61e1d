"""Names as they may be printed: nothing in a file may control a terminal or break a table."""

import unicodedata

# Controls, formats (bidirectional overrides among them), surrogates, line and paragraph separators.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def visible(text: str) -> str:
    """`text` with every character that is not seen as itself escaped, as in `\\x1b[31m`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def columns(text: str) -> int:
    """How many columns of a terminal a visible text takes."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, room: int, keep_end: bool = False) -> str:
    """`text` in at most `room` columns; what is left out is marked by …"""
    if columns(text) <= room:
        return text
    characters = list(reversed(text)) if keep_end else list(text)
    kept, used = [], 1
    for character in characters:
        used += _width(character)
        if used > room:
            break
        kept.append(character)
    while keep_end and kept and unicodedata.combining(kept[-1]):
        kept.pop()  # a mark whose letter was left out
    return "…" + "".join(reversed(kept)) if keep_end else "".join(kept) + "…"


def padded(text: str, room: int) -> str:
    """`text` and blanks up to `room` columns."""
    return text + " " * (room - columns(text))
