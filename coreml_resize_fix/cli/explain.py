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
            _filled("{} {}: {}".format(rule.code, rule.name, rule.summary), indent="       ")
            for rule in RULES.values()
        )
    rule = _find(code)
    told = EXPLANATIONS[rule.code]
    parts = ["{} {} ({})".format(rule.code, rule.name, rule.severity), _filled(rule.summary + ".")]
    parts += [_filled(told.why), picture(rule.code), _filled("What to do: " + told.mend)]
    return "\n\n".join(parts)


def _find(code: str) -> Rule:
    by_name = {rule.name: rule for rule in RULES.values()}
    by_name.update({rule.code.lower(): rule for rule in RULES.values()})
    rule: Optional[Rule] = by_name.get(code.strip().lower())
    if rule is None:
        near = get_close_matches(code.lower(), by_name, 1)
        raise UsageError(
            "`{}` is no finding code".format(code),
            "did you mean `{}`? `--explain list` lists all".format(by_name[near[0]].code)
            if near
            else "`--explain list` lists all",
        )
    return rule


def picture(code: Code) -> str:
    """Where the outputs of an example read, drawn from the grids; or how calls meet layers."""
    told = EXPLANATIONS[code]
    return told.sketch.rstrip("\n") if told.example is None else _drawn(told.example)


def _drawn(example: Example) -> str:
    intent, layer, before = example.intent, example.layer, example.input_size
    after = intent.target_size(before) or layer.output_size(before)
    asked = positions(intent.axes(before, after)[1])
    made = layer.output_size(before)
    now = positions(layer.axes(before, made)[1])
    lines = [
        "    {} → {} pixels along a row".format(before[1], after[1])
        + ("" if made == after else ", and the layer makes {}".format(made[1])),
        "    source pixel  " + "".join(str(n).ljust(_PER_PIXEL) for n in range(before[1])).rstrip(),
        "    asked for     " + _marks(asked) + "   `{}`".format(intent),
        "    this layer    " + _marks(now) + "   `{}`".format(layer),
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
        "\n| [{}](#{}) | {} | {} |".format(
            rule.code, "{}-{}".format(rule.code, rule.name).lower(), rule.name, rule.summary
        )
        for rule in RULES.values()
    )
    for rule in RULES.values():
        told = EXPLANATIONS[rule.code]
        parts += [
            "\n## {} {}\n".format(rule.code, rule.name),
            rule.summary[0].upper() + rule.summary[1:] + ". " + told.why,
            "\n```text\n{}\n```\n".format(textwrap.dedent(picture(rule.code))),
            told.mend,
        ]
    return "\n".join(parts) + "\n"


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
