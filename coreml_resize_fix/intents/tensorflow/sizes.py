"""Compute the sizes of TensorFlow's resizes: the small nodes between a shape and a size.

A size is a constant, or shapes, slices and products. A side that is not known stays a symbol, so
that `shape(x)[1:3] * 2` is a factor of 2 of whatever x will be.
"""

from fractions import Fraction
from itertools import repeat
from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from coreml_resize_fix.sampling.single import single

# Shape arithmetic works on a few numbers; larger tensors are weights.
MOST_ELEMENTS = 64
_EXACT = (1, 2, 4, 8, 16)  # denominators
_LARGEST = 1 << 63  # of a number; products of products would take all memory

Shape = Tuple[Optional[int], ...]


class Side(NamedTuple):
    """An unknown side of a tensor's shape, times a factor: factor × side ** power; power is ±1."""

    tensor: Hashable
    axis: int
    factor: Fraction = Fraction(1)
    power: int = 1


Element = Any  # int, float, Side, or None where it is not known


class Value(NamedTuple):
    """The numbers of a scalar or a list; None is an element that is not known."""

    elements: Tuple[Element, ...]
    is_list: bool = True
    is_float: bool = False


Inputs = Sequence[Value]
Flags = Mapping[str, Any]


def of_shape(tensor: Hashable, shape: Shape) -> Value:
    """The value of the operator Shape: numbers, and a `Side` where one is not known."""
    return Value(tuple(Side(tensor, k) if n is None else n for k, n in enumerate(shape)))


def fold(kind: str, inputs: Sequence[Optional[Value]], flags: Flags) -> Optional[Value]:
    """The output of a node of the operator `kind`; None if it cannot be computed from `inputs`."""
    if kind not in _OPERATORS:
        return None
    known = [value for value in inputs if value is not None]
    if len(known) < len(inputs) or not known:
        return None
    try:
        result = _OPERATORS[kind](known, flags)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None  # an input of another kind than the operator takes, or left out
    return result if result is not None and len(result.elements) <= MOST_ELEMENTS else None


def _product(one: Element, other: Element) -> Element:
    if one is None or other is None:
        return None
    if isinstance(other, Side):
        one, other = other, one
    if not isinstance(one, Side):
        return one * other if abs(one * other) < _LARGEST else None
    if not isinstance(other, Side):
        factor = one.factor * Fraction(other)
        is_small = max(factor.numerator, factor.denominator) < _LARGEST
        return one._replace(factor=factor) if factor > 0 and is_small else None
    power, factor = one.power + other.power, one.factor * other.factor
    if one[:2] != other[:2] or power not in (-1, 0, 1):
        return None  # so factors are multiplied once only
    return one._replace(factor=factor, power=power) if power else float(factor)


def quotient(one: Element, other: Element) -> Element:
    """One element divided by another; None if it is not known."""
    if isinstance(other, Side):
        return _product(one, other._replace(factor=1 / other.factor, power=-other.power))
    if isinstance(one, Side) and other is not None:
        return _product(one, 1 / Fraction(other))
    return one / other if _are_numbers(one, other) else None


def _floored(one: Element, other: Element) -> Element:
    return one // other if _are_numbers(one, other) else _whole(quotient(one, other))


def _whole(element: Element) -> Element:
    """The element as an integer; a `Side` stays if float32 computes its product exactly."""
    if isinstance(element, Side):
        is_exact = element.factor.denominator in _EXACT and element.power == 1
        return element if is_exact else None
    return None if element is None else int(element)


def _sum(one: Element, other: Element) -> Element:
    return one + other if _are_numbers(one, other) else None


def _difference(one: Element, other: Element) -> Element:
    return one - other if _are_numbers(one, other) else None


def _are_numbers(*elements: Element) -> bool:
    return all(isinstance(element, (int, float)) for element in elements)


def _elementwise(function: Callable[..., Element]) -> Callable[[Inputs, Flags], Value]:
    def apply(inputs: Inputs, flags: Flags) -> Value:
        one, other = inputs
        is_float = one.is_float or other.is_float or function is quotient
        lists = [
            list(value.elements) if value.is_list else repeat(*value.elements) for value in inputs
        ]
        if one.is_list and other.is_list and len(one.elements) != len(other.elements):
            raise ValueError("lists of different lengths")
        pairs = zip(*lists) if one.is_list or other.is_list else [(*one.elements, *other.elements)]
        made = (function(*pair) for pair in pairs)
        return Value(
            tuple(map(_rounded, made)) if is_float else tuple(made),
            one.is_list or other.is_list,
            is_float,
        )

    return apply


def _rounded(element: Any) -> Element:
    """A number rounded to single precision."""
    return element if element is None or isinstance(element, Side) else single(float(element))


def _cast(inputs: Inputs, flags: Flags) -> Value:
    (value,) = inputs
    if flags["to_float"]:
        return value._replace(elements=tuple(map(_rounded, value.elements)), is_float=True)
    return value._replace(elements=tuple(map(_whole, value.elements)), is_float=False)


def _strided_slice(inputs: Inputs, flags: Flags) -> Optional[Value]:
    """A part of a list, or one element of it (tf.strided_slice along one axis)."""
    data, *bounds = inputs
    begin, end, step = (value.elements[0] for value in bounds)
    masks = ("begin_mask", "end_mask", "shrink_axis_mask")
    no_begin, no_end, shrinks = (flags.get(name, 0) & 1 for name in masks)
    if not data.is_list or flags.get("ellipsis_mask") or flags.get("new_axis_mask"):
        return None
    if shrinks:
        return data._replace(elements=(data.elements[begin],), is_list=False)
    part = slice(None if no_begin else begin, None if no_end else end, step)
    return data._replace(elements=data.elements[part])


def _slice(inputs: Inputs, flags: Flags) -> Value:
    data, begin, size = inputs
    (at,), (length,) = begin.elements, size.elements
    return data._replace(elements=data.elements[at : None if length == -1 else at + length])


def _gather(inputs: Inputs, flags: Flags) -> Value:
    data, places = inputs[:2]
    picked = tuple(data.elements[place] for place in places.elements)
    return data._replace(elements=picked, is_list=places.is_list)


def _pack(inputs: Inputs, flags: Flags) -> Value:
    if any(value.is_list for value in inputs):
        raise ValueError("a list of lists")
    return _joined(inputs)


def _concat(inputs: Inputs, flags: Flags) -> Value:
    return _joined(inputs[: flags.get("N", len(inputs))])


def _reshape(inputs: Inputs, flags: Flags) -> Value:
    data, shape = inputs
    if len(shape.elements) > 1:
        raise ValueError("more than a list")
    return data._replace(is_list=bool(shape.elements))


def _joined(inputs: Inputs) -> Value:
    elements: List[Element] = []
    for value in inputs:
        elements += value.elements
    return Value(tuple(elements), True, inputs[0].is_float)


_OPERATORS: Dict[str, Callable[[Inputs, Flags], Optional[Value]]] = {
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "GatherV2": _gather,
    "Pack": _pack,
    "Reshape": _reshape,
    "ConcatV2": _concat,
    "Cast": _cast,
    "Mul": _elementwise(_product),
    "RealDiv": _elementwise(quotient),
    "FloorDiv": _elementwise(_floored),
    "AddV2": _elementwise(_sum),
    "Add": _elementwise(_sum),
    "Sub": _elementwise(_difference),
}
