"""`--explain CODE`: the long text of a finding code, with a picture of both sampling grids."""

import textwrap
from difflib import get_close_matches
from typing import List, Optional, Sequence

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.rules import RULES, Rule
from coreml_resize_fix.cli.explanations import EXPLANATIONS, Example
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.sampling import positions

LIST = "list"
_WIDTH = 80
_PER_PIXEL = 8  # characters from one source pixel to the next


def render(code: str) -> str:
    """The text of one code, or of the list of all.

    Raises:
        UsageError: there is no such code.
    """
    if code.lower() == LIST:
        return "\n".join(
            _filled(f"{rule.code} {rule.name}: {rule.summary}", indent="       ")
            for rule in RULES.values()
        )
    rule = _find(code)
    text = EXPLANATIONS[rule.code]
    parts = [f"{rule.code} {rule.name} ({rule.severity})", _filled(rule.summary + ".")]
    parts += [_filled(text.why), picture(rule.code), _filled("What to do: " + text.remedy)]
    return "\n\n".join(parts)


def _find(code: str) -> Rule:
    by_name = {rule.name: rule for rule in RULES.values()}
    by_name.update({rule.code.lower(): rule for rule in RULES.values()})
    rule: Optional[Rule] = by_name.get(code.strip().lower())
    if rule is None:
        near = get_close_matches(code.lower(), by_name, 1)
        raise UsageError(
            f"`{code}` is not a finding code",
            f"did you mean `{by_name[near[0]].code}`? `--explain list` lists all"
            if near
            else "`--explain list` lists all",
        )
    return rule


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
