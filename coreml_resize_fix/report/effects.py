"""What each wrong resize does to the outputs of a network, in words and as rows of a table."""

from typing import List, NamedTuple

from coreml_resize_fix.verify.agreement import Contribution, Effect, Effects

_SHOWN = 2  # resizes in a line; others are counted, and JSON has all


class Row(NamedTuple):
    """A wrong resize alone, and what it does to an output."""

    resize: Contribution
    effect: Effect
    width: float  # percent of the largest known error that one makes of this output


def rows(found: Effects, output: str) -> List[Row]:
    """The resizes that change an output, the one that does most first."""
    pairs = [
        (one, effect)
        for one in found.alone
        for effect in one.outputs
        if effect.output == output and effect.max_abs_error != 0
    ]
    pairs.sort(key=lambda pair: -_weight(pair[1]))
    most = max([effect.max_abs_error or 0.0 for _, effect in pairs], default=0.0) or 1.0
    return [Row(one, effect, 100 * (effect.max_abs_error or 0.0) / most) for one, effect in pairs]


def summary(found: Effects, output: str) -> List[str]:
    """The resizes that change an output in one line, without those that do least."""
    listed = rows(found, output)
    told_of = [f"`{row.resize.name}` {told(row.effect)}" for row in listed[:_SHOWN]]
    if len(listed) > _SHOWN:
        told_of.append(f"{len(listed) - _SHOWN} more")
    return [f"by each wrong resize alone: {', '.join(told_of)}"] if told_of else []


def lines(found: Effects) -> List[str]:
    """What was measured, then a line for each output, and for each resize that changes it."""
    if found.not_run is not None:
        return [heading(found)]
    listed = [heading(found) + ":"]
    for effect in found.together:
        output = f"`{effect.output}`"
        listed.append(f"{output} in the file as it is: {told(effect)}{_magnitude(effect)}")
        if len(found.alone) > 1:
            listed += [
                f"{output} by `{row.resize.name}` alone: {told(row.effect)}"
                for row in rows(found, effect.output)
            ]
    return listed


def heading(found: Effects) -> str:
    """What the network was run on, or why it was not, as a sentence without an end."""
    if found.not_run is not None:
        address, name, reason = found.not_run
        where = f"`{name}` (`{address}`) " if name else ""
        return f"what the wrong resizes do to the outputs was not measured: {where}{reason}"
    inputs = "a test image, not on real data" if found.on_test_image else "the reference's inputs"
    return (
        f"measured on {inputs}: how far the outputs are from those of the same network with its "
        "wrong resizes as the framework computes them"
    )


def told(effect: Effect) -> str:
    """The largest error, and the pixels whose class changes, where the output has classes."""
    if effect.max_abs_error is None:
        return "another size, or no finite numbers" if effect.runs else "cannot be computed"
    error = "no error" if effect.max_abs_error == 0 else f"{effect.max_abs_error:.2g}"
    if effect.changed_pixels is None or not effect.pixels:
        return error
    return f"{error} ({effect.changed_pixels / effect.pixels:.1%} of pixels in another class)"


def _magnitude(effect: Effect) -> str:
    return "" if effect.magnitude is None else f"; its values go up to {effect.magnitude:.2g}"


def _weight(effect: Effect) -> float:
    return float("inf") if effect.max_abs_error is None else effect.max_abs_error
