"""The comparison of a whole network in words: what it means, and the numbers of each output."""

from typing import List, Optional

from coreml_resize_fix.verify.agreement import Agreement, ComparedOutput, Effect

_SHOWN = 2  # resizes in a line; JSON has all


def lines(found: Agreement) -> List[str]:
    """A sentence, then a line with the errors of each output, and one with what makes them."""
    told = [found.message]
    if found.not_run is None or any(one.before is not None for one in found.outputs):
        for output in found.outputs:
            told.append(errors(output, found.tolerance))
            told += contributions(found, output.name)
    return told


def errors(output: ComparedOutput, tolerance: float) -> str:
    """The errors of one output before and after, and what they are compared with."""
    told = [f"{error(output.before)} as it is"]
    if output.after is not None:
        told.append(f"{error(output.after)} in the result")
    elif output.intended is not None:
        told.append(f"{error(output.intended)} with every resize right")
    allowed = tolerance * (output.magnitude or 1.0)
    return f"`{output.name}`: error {', '.join(told)}; {allowed:.2g} is tolerated"


def contributions(found: Agreement, output: str) -> List[str]:
    """Which resizes make the error of an output, the one that makes most of it first."""
    pairs = [
        (effect, one.name)
        for one in found.contributions
        for effect in one.outputs
        if effect.output == output and effect.max_abs_error != 0
    ]
    pairs.sort(key=lambda pair: -_weight(pair[0]))
    told = [f"`{name}` {_told(effect)}" for effect, name in pairs[:_SHOWN]]
    if len(pairs) > _SHOWN:
        told.append(f"{len(pairs) - _SHOWN} more")
    return [f"by each wrong resize alone: {', '.join(told)}"] if told else []


def error(value: Optional[float]) -> str:
    """An error as a number; None is that of another shape, of no finite number, or of nothing."""
    return "not comparable" if value is None else "0" if value == 0 else f"{value:.2g}"


def _weight(effect: Effect) -> float:
    return float("inf") if effect.max_abs_error is None else effect.max_abs_error


def _told(effect: Effect) -> str:
    if effect.max_abs_error is None:
        return "another size"
    pixels = ""
    if effect.changed_pixels is not None and effect.pixels:
        pixels = f" ({effect.changed_pixels / effect.pixels:.1%} of pixels in another class)"
    return f"{error(effect.max_abs_error)}{pixels}"
