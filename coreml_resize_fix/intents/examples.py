"""Put runs of one model with several examples together: each call gets the sizes of all runs."""

from dataclasses import replace
from typing import Any, List, Optional, Sequence, Tuple

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import count

# What is the same for a call in every run -> what messages call it; sizes may differ.
_SAME = (
    ("name", "module"),
    ("site", "place"),
    ("mode", "mode"),
    ("align_corners", "align_corners"),
    ("antialias", "antialias"),
    ("scale_factor", "scale_factor"),
    ("recompute_scale_factor", "recompute_scale_factor"),
    ("channels", "number of channels"),
)
_EACH_ALONE = (
    "record a manifest for each example, and use each with a model that was converted for it"
)


def split(example: Any) -> List[Tuple[Any, ...]]:
    """The arguments of each example: a list holds several, and a tuple is those of one call.

    Raises:
        UsageError: the list is empty.
    """
    examples = example if isinstance(example, list) else [example]
    if not examples:
        raise UsageError(
            "the list of examples is empty",
            "pass a tensor, a tuple of arguments, or a list of such examples",
        )
    return [one if isinstance(one, tuple) else (one,) for one in examples]


def combined(runs: Sequence[Sequence[Intent]]) -> List[Intent]:
    """The calls of the first run, each with the sizes that it had in all of them.

    Raises:
        UsageError: the model made other calls in one of the runs.
    """
    first = runs[0]
    for number, run in enumerate(runs[1:], 2):
        difference = _difference(first, run)
        if difference is not None:
            raise UsageError(
                f"the model resizes otherwise with example {number} than with example 1: "
                + difference,
                _EACH_ALONE,
            )
    return [_with_sizes(calls) for calls in zip(*runs)]


def _difference(first: Sequence[Intent], run: Sequence[Intent]) -> Optional[str]:
    for index, (one, other) in enumerate(zip(first, run)):
        for name, what in _SAME:
            before, after = getattr(one, name), getattr(other, name)
            if before != after:
                return f"the {what} of `{_label(one, index)}` is {after}, and was {before}"
        if (one.size is None) != (other.size is None):
            return f"`{_label(one, index)}` is given a size in one of them, and a factor in another"
    if len(first) != len(run):
        return f"it makes {count(len(run), 'resize')} instead of {len(first)}"
    return None


def _label(intent: Intent, index: int) -> str:
    return intent.name or intent.site or f"resizes[{index}]"


def _with_sizes(calls: Sequence[Intent]) -> Intent:
    observed = [
        (call.input_size, call.output_size)
        for call in calls
        if call.input_size is not None and call.output_size is not None
    ]
    return replace(
        calls[0],
        sizes=tuple(dict.fromkeys(observed)),
        used=_agreed([call.used for call in calls]),
        input_is_parameter=_agreed([call.input_is_parameter for call in calls]),
    )


def _agreed(values: Sequence[Optional[bool]]) -> Optional[bool]:
    return values[0] if all(value == values[0] for value in values) else None
