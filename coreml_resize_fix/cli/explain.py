"""`--explain CODE`: the long text of a finding code, with a picture of both sampling grids.

The beginning of codes, such as RSZ2, stands for the list of them.
"""

import textwrap
from difflib import get_close_matches
from typing import List, Sequence

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.rules import RULES, Rule
from coreml_resize_fix.cli.explanations import EXPLANATIONS, Example
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.sampling import positions

LIST = "list"
GROUPS = {
    "RSZ1": "what the layer does wrong",
    "RSZ2": "about intents",
    "RSZ3": "why there is no fix",
    "RSZ4": "the whole model",
}
_WIDTH = 80
_PER_PIXEL = 8  # characters from one source pixel to the next


def render(code: str) -> str:
    """The text of one code, or of the list of all, or of those that begin like it.

    Raises:
        UsageError: there is no such code, nor any that begins so.
    """
    asked = code.strip().lower()
    begun = "" if asked == LIST else asked
    group = [rule for rule in RULES.values() if rule.code.lower().startswith(begun)]
    rule = {rule.name: rule for rule in RULES.values()}.get(asked)
    if rule is None and len(group) == 1:
        rule = group[0]
    if rule is not None:
        return _explained(rule)
    if code.strip() and group:
        return "\n".join(map(_line, group))
    raise _no_code(code)


def _line(rule: Rule) -> str:
    return _filled(f"{rule.code} {rule.name}: {rule.summary}", indent="       ")


def _explained(rule: Rule) -> str:
    text = EXPLANATIONS[rule.code]
    parts = [f"{rule.code} {rule.name} ({rule.severity})", _filled(rule.summary + ".")]
    parts += [_filled(text.why), picture(rule.code), _filled("What to do: " + text.remedy)]
    return "\n\n".join(parts)


def _no_code(code: str) -> UsageError:
    words = {rule.name: rule for rule in RULES.values()}
    words.update({rule.code.lower(): rule for rule in RULES.values()})
    near = get_close_matches(code.strip().lower(), words, 1)
    groups = ", ".join(f"`{group}` {about}" for group, about in GROUPS.items())
    return UsageError(
        f"`{code}` is not a finding code",
        (f"did you mean `{words[near[0]].code}`? " if near else "")
        + f"`--explain {LIST}` lists all, and the beginning of codes a group: {groups}",
    )


def picture(code: Code) -> str:
    """Where the outputs of an example read, drawn from the grids; or how calls meet layers."""
    text = EXPLANATIONS[code]
    return text.sketch.rstrip("\n") if text.example is None else _drawn(text.example)


def _drawn(example: Example) -> str:
    intent, layer, before = example.intent, example.layer, example.input_size
    after = intent.target_size(before) or layer.output_size(before)
    asked = positions(intent.axes(before, after)[1])
    made = layer.output_size(before)
    now = positions(layer.axes(before, made)[1])
    lines = [
        f"    {before[1]} → {after[1]} pixels along a row"
        + ("" if made == after else f", and the layer makes {made[1]}"),
        "    source pixel  " + "".join(str(n).ljust(_PER_PIXEL) for n in range(before[1])).rstrip(),
        "    asked for     " + _marks(asked) + f"   `{intent}`",
        "    this layer    " + _marks(now) + f"   `{layer}`",
    ]
    if "#" in lines[2][18:] + lines[3][18:].split("`")[0]:
        lines.append("    (# two or more outputs read the same place)")
    return "\n".join(lines)


def _marks(at: Sequence[float]) -> str:
    """One character for each place that is read, aligned with the source pixels."""
    places: List[int] = [round(max(position, 0.0) * _PER_PIXEL) for position in at]
    line = [" "] * (max(places) + 1)
    for place in places:
        line[place] = "|" if line[place] == " " else "#"
    return "".join(line).ljust(3 * _PER_PIXEL - 7)


def markdown() -> str:
    """docs/codes.md: every code with the same texts."""
    parts = [
        "# Finding codes\n",
        "What `coreml-resize-fix --explain CODE` prints. `docs/make_codes.py` writes this file; "
        "pictures are drawn\nfrom the sampling grids that the verdicts are made of.\n",
        "| code | name | what it means |\n|---|---|---|",
    ]
    parts[-1] += "".join(
        f"\n| [{rule.code}](#{rule.code.lower()}-{rule.name}) | {rule.name} | {rule.summary} |"
        for rule in RULES.values()
    )
    for rule in RULES.values():
        text = EXPLANATIONS[rule.code]
        parts += [
            f"\n## {rule.code} {rule.name}\n",
            rule.summary[0].upper() + rule.summary[1:] + ". " + text.why,
            f"\n```text\n{textwrap.dedent(picture(rule.code))}\n```\n",
            text.remedy,
        ]
    return "\n".join(parts) + "\n"


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
