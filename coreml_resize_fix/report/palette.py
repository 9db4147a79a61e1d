"""One fixed color for each class, told apart with any kind of color vision."""

from typing import Tuple

Color = Tuple[int, int, int]

# A grey for class 0, which is mostly the background, then the colors of Okabe and Ito, "Color
# Universal Design" (2008). All are opaque, so a dark page changes none of them.
_FIRST: Tuple[Color, ...] = (
    (187, 187, 187),
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)
# Towards black (negative) or white, for the classes after the first eight.
_SHADES = (0.0, -0.45, 0.5, -0.7)


def _shaded(color: Color, share: float) -> Color:
    end = 255 if share > 0 else 0
    red, green, blue = (round(part + (end - part) * abs(share)) for part in color)
    return red, green, blue


COLORS: Tuple[Color, ...] = tuple(_shaded(color, share) for share in _SHADES for color in _FIRST)
"""The color of class k is number k; from class 32 on they come again."""


def css(number: int) -> str:
    """The color of a class as a style sheet writes it."""
    return "#{:02x}{:02x}{:02x}".format(*COLORS[number % len(COLORS)])
