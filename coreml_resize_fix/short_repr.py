"""What values look like in a console: what they are, without all that they hold."""

from typing import Any, Dict

_LONGEST, _MOST = 100, 4  # characters of one value; values of a tuple, a list or a dictionary


def short_repr(self: Any) -> str:
    """The fields of a dataclass or a named tuple that are not at their defaults, each cut short.

    Stands in a class as `__repr__ = short_repr`.
    """
    given = [
        f"{name}={shortened(getattr(self, name))}"
        for name, default in _defaults(self).items()
        if default is ... or getattr(self, name) != default
    ]
    return f"{type(self).__name__}({', '.join(given)})"


def shortened(value: Any) -> str:
    """One value; of bytes the number, of arrays the shape."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"<{value.dtype} array {'×'.join(map(str, value.shape)) or 'of one number'}>"
    if type(value) in (tuple, list):
        ends = "()" if type(value) is tuple else "[]"
        return _cut(f"{ends[0]}{_several(map(shortened, value), len(value))}{ends[1]}")
    if type(value) is dict:
        pairs = (f"{shortened(key)}: {shortened(one)}" for key, one in value.items())
        return _cut(f"{{{_several(pairs, len(value))}}}")
    return _cut(repr(value[:_LONGEST] if isinstance(value, str) else value))


def _several(shown: Any, count: int) -> str:
    first = [text for text, _ in zip(shown, range(_MOST))]
    more = f", and {count - _MOST} more" if count > _MOST else ""
    return ", ".join(first) + more


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _defaults(value: Any) -> Dict[str, Any]:
    """Every field that is shown, with its default; Ellipsis where it has none."""
    if hasattr(value, "_fields"):
        given = getattr(value, "_field_defaults", {})
        return {name: given.get(name, ...) for name in value._fields}
    from dataclasses import MISSING, fields

    return {
        field.name: ... if field.default is MISSING else field.default
        for field in fields(value)
        if field.repr
    }
