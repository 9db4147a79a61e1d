"""The rule by which the output size of a call follows its input, found from several observed sizes.

A call by `size=` may name a constant, a multiple of its own input, or the size of another tensor.
One example fits all three; several sizes tell them apart, along each axis alone.
"""

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from fractions import Fraction

Size = Tuple[int, int]
Observed = Tuple[Tuple[Size, Size], ...]  # (input, output) of each example

_LARGEST_DENOMINATOR = 16


class Kind(str, Enum):
    """How the size of one axis, or of both, follows the input."""

    CONSTANT = "constant-size"
    FACTOR = "constant-factor"
    OTHER = "another-tensor"
    EITHER = "one-size"  # it never varied: a constant and a factor give the same
    MIXED = "constant-and-factor"  # of both axes: one each

    def __str__(self) -> str:
        return self.value


class AxisLaw(NamedTuple):
    """The law of one axis: its `size` or its `factor`, both if it never varied."""

    kind: Kind
    size: Optional[int] = None
    factor: "Optional[Fraction]" = None

    def target(self, before: int) -> Optional[int]:
        """The output size of an input size; None if the law does not say."""
        if self.kind == Kind.EITHER:
            return None
        if self.factor is not None:
            return before * self.factor.numerator // self.factor.denominator
        return self.size if self.kind == Kind.CONSTANT else None

    def __str__(self) -> str:
        if self.factor is not None:
            return str(self.factor)
        return str(self.size) if self.size is not None else "?"


class SizeLaw(NamedTuple):
    """The laws of height and width, and the sizes that they were found from."""

    rows: AxisLaw
    columns: AxisLaw
    observed: Observed

    @property
    def kind(self) -> Kind:
        """The law of both axes; another tensor's size is that of both where it is one's."""
        found = {self.rows.kind, self.columns.kind} - {Kind.EITHER}
        if not found:
            return Kind.EITHER
        if Kind.OTHER in found:
            return Kind.OTHER
        return found.pop() if len(found) == 1 else Kind.MIXED

    @property
    def follows_another(self) -> bool:
        """Whether it is no function of the call's own input."""
        return self.kind == Kind.OTHER

    @property
    def factors(self) -> Tuple[float, ...]:
        """The factors of axes that follow one."""
        return tuple(float(law.factor) for law in (self.rows, self.columns) if law.factor)

    def target(self, input_size: Size) -> Optional[Size]:
        """The output size of an input size; None where neither the law nor an example says."""
        if not self.follows_another:
            height, width = self.rows.target(input_size[0]), self.columns.target(input_size[1])
            if height is not None and width is not None:
                return height, width
        made = {after for before, after in self.observed if before == input_size}
        return made.pop() if len(made) == 1 else None

    def __str__(self) -> str:
        if self.kind == Kind.OTHER:
            return "the size of another tensor"
        if self.kind == Kind.FACTOR:
            return "constant factor " + ",".join(dict.fromkeys([str(self.rows), str(self.columns)]))
        if self.kind == Kind.MIXED:
            texts = (
                f"constant {'factor' if law.kind != Kind.CONSTANT else 'size'} {law} of the {side}"
                for law, side in ((self.rows, "height"), (self.columns, "width"))
            )
            return " and ".join(texts)
        height, width = self.observed[0][1]
        return f"constant size {height}×{width}"


@lru_cache(maxsize=1024)
def find(observed: Observed) -> SizeLaw:
    """The law that gives every observed output size of its input size."""
    rows, columns = (
        _axis([(before[axis], after[axis]) for before, after in observed]) for axis in (0, 1)
    )
    # An axis that never varied follows the law of the other one.
    return SizeLaw(_settled(rows, columns.kind), _settled(columns, rows.kind), observed)


def _axis(pairs: Sequence[Tuple[int, int]]) -> AxisLaw:
    befores, afters = {before for before, _ in pairs}, {after for _, after in pairs}
    factor = _factor(pairs)
    if len(afters) == 1:
        (size,) = afters
        if len(befores) > 1:
            return AxisLaw(Kind.CONSTANT, size=size)
        return AxisLaw(Kind.EITHER, size=size, factor=factor)
    return AxisLaw(Kind.OTHER if factor is None else Kind.FACTOR, factor=factor)


def _settled(law: AxisLaw, other: Kind) -> AxisLaw:
    if law.kind != Kind.EITHER:
        return law
    if other == Kind.CONSTANT or law.factor is None:
        return AxisLaw(Kind.CONSTANT, size=law.size)
    return AxisLaw(Kind.FACTOR, factor=law.factor) if other == Kind.FACTOR else law


def _factor(pairs: Sequence[Tuple[int, int]]) -> "Optional[Fraction]":
    """The factor of which every output is the floored product; simple ones alone are believed.

    Nearly any two sizes are the floored products of some fraction, so that has to be exact, unless
    it is one part of a whole number: `size=(h // 2, w // 2)`.
    """
    from fractions import Fraction  # and with it decimal, which an audit does not need

    before, after = max(pairs)
    exact = Fraction(after, before)
    if exact.denominator <= _LARGEST_DENOMINATOR and all(n == x * exact for x, n in pairs):
        return exact
    part = Fraction(1, before // after) if before >= after else exact
    return part if part < 1 and all(n == int(x * part) for x, n in pairs) else None
