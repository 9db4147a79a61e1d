"""What the comparison of a whole network means, in one sentence."""

from typing import List, Mapping

from coreml_resize_fix.verify.agreement import Agreement, Drift
from coreml_resize_fix.words import quoted

NOT_RESIZES = "that is not the resizes' doing: look at weights, other layers and the preprocessing"
NOT_COMPARABLE = (
    "that is not the resizes' doing: {}: look at weights and other layers, and whether the "
    "reference is of the network that was converted"
)


def describe(
    found: Agreement, asked: bool, all_right: bool, right_if_intended: Mapping[str, bool]
) -> str:
    """A lower-case sentence for people.

    `asked`: there are intents. `all_right`: in what was compared, every resize computes its own.
    `right_if_intended`: whether an output is right in a network whose resizes all do; empty if that
    is not known.
    """
    if found.not_run is not None:
        where = f"`{found.not_run.name}` (`{found.not_run.address}`) " if found.not_run.name else ""
        return f"the network was not compared: {where}{found.not_run.reason}"
    off = [one.name for one in found.outputs if not one.within]
    if not off:
        return "every output is as the reference has it"
    told = f"{quoted(off)} {'is' if len(off) == 1 else 'are'} not as the reference has it"
    drift = f"; {_first(found.first_drift)}" if found.first_drift is not None else ""
    if not asked:
        return f"{told}{drift}; pass `--manifest` to see whether the resizes do it"
    if all_right:
        return f"every resize is right, and {told}{drift}; {_elsewhere(found, off)}"
    left = [name for name in off if not right_if_intended.get(name, True)]
    if left:
        why = _elsewhere(found, left)
        return f"{told}{drift}; {quoted(left)} would not be even if every resize were: {why}"
    if right_if_intended:
        return f"{told}{drift}; with every resize right it would be"
    return f"{told}{drift}; not all that its resizes should make is known"


def _elsewhere(found: Agreement, names: List[str]) -> str:
    """Where to look for what no resize explains."""
    told = [one for one in found.outputs if one.name in names]
    errors = [error for one in told for error in (one.before, one.after, one.intended)]
    if any(error is not None for error in errors):
        return NOT_RESIZES
    return NOT_COMPARABLE.format(", ".join(f"`{one.name}` {one.fault}" for one in told))


def _first(drift: Drift) -> str:
    error = "" if drift.max_abs_error is None else f", by {drift.max_abs_error:.2g}"
    return f"the first that drifts is `{drift.name}` (`{drift.address}`){error}"
