"""Single precision without NumPy, whose import costs more than everything else that decides."""

import math
import struct

_DIGITS = 9  # of a decimal that names any number of single precision


def single(value: float) -> float:
    """`value` rounded to IEEE 754 single precision, to the even one of two that are as near."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def spacing(value: float) -> float:
    """Distance from a positive number of single precision to the next larger one."""
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    return float(struct.unpack("<f", struct.pack("<I", bits + 1))[0]) - value


def shortest(value: float) -> float:
    """The decimal of fewest digits that rounds to this number of single precision: 1.1 for 1.1f."""
    for digits in range(1, _DIGITS):
        decimal = float(f"{value:.{digits}g}")
        if single(decimal) == value:
            return decimal
    return float(f"{value:.{_DIGITS}g}")


def exactly(value: float) -> str:
    """The shortest text of exactly this number: 2 for 2.0, and 2.0000002 for 2.0000002."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text
