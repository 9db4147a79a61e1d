"""The report as one self-contained page: nothing is loaded from elsewhere.

All of it works without scripts. Its policy allows one, by its hash, which copies text.
"""

import base64
import hashlib
from functools import lru_cache
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix import __version__
from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.displacement import Displacement
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.report import card, drawing, effects, made, overview, problems
from coreml_resize_fix.report.card import Card
from coreml_resize_fix.report.entry import entries
from coreml_resize_fix.report.headline import headline, of
from coreml_resize_fix.report.lists import shortened
from coreml_resize_fix.report.models import reason
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.signs import LISTED, SIGNS, Sign
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.run.results import Failure, ModelReport, Run

# By exit code: the sign and the kind of its color.
_OUTCOMES = {0: ("✓", "good"), 1: ("!", "open"), 2: ("×", "bad"), 3: ("·", "unknown")}


class _Step(NamedTuple):
    """One resize on the way to an output: what it adds, the sum so far, and its share of it."""

    layer: Optional[Card]
    address: str
    down: float
    right: float
    largest: float
    total: float
    width: float
    is_fixed: bool


class _Path(NamedTuple):
    output: str
    largest: float
    left: float
    steps: List[_Step]


def render(run: Run) -> str:
    """The page of all models of a run."""
    import markupsafe

    models = [_model(number, result, run) for number, result in enumerate(run.models, 1)]
    environment = _environment()
    script = str(environment.get_template("copy.js").render())
    page: str = environment.get_template("report.html").render(
        headline=headline(run),
        sign=_sign(run.exit_code, run.reports),
        models=models,
        failures=[failure for failure in run.failures if failure.path is None],
        counts=_counts(run),
        version=__version__,
        run=run,
        command=made.command(run.arguments) if run.arguments else None,
        made=made.now(),
        script=markupsafe.Markup(script),
        script_hash=_hash(script),
    )
    return page


def picture(drawn: drawing.Drawing, style: str) -> str:
    """One drawing as an SVG file of its own; `style` is put into it as a style sheet."""
    import markupsafe

    parts = _environment().get_template("pictures.html").module
    sheet = markupsafe.Markup(f"<style>{style}</style>")
    lines = str(parts.axis(drawn, sheet)).splitlines()
    return "\n".join(line for line in lines if line.strip()) + "\n"


@lru_cache(maxsize=1)  # compiling the templates takes longer than to fill them
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("coreml_resize_fix.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    environment.filters.update(error=_error, ticks=_ticks, shortened=shortened)
    environment.globals["words"] = effects
    environment.globals["width"] = drawing.WIDTH
    return environment


def _sign(exit_code: int, reports: Sequence[ModelReport]) -> Tuple[str, str]:
    """The sign of an outcome, which is bad where something is wrong that no fix or option helps."""
    found = [finding for report in reports if report.asked for finding in report.findings]
    hopeless = any(SIGNS[finding.verdict].kind == "bad" for finding in found)
    return _OUTCOMES[2 if exit_code == 1 and hopeless else exit_code]


def _hash(script: str) -> str:
    """As a Content-Security-Policy names a script."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _visible(value: Any) -> Any:
    """Text that is put into the page, with nothing in it that hides or turns other text."""
    return visible(value) if type(value) is str else value


def _counts(run: Run) -> List[Tuple[Sign, int, str]]:
    """How many layers have each verdict; those of an inventory have none."""
    asked = [str(f.verdict) for r in run.reports if r.asked for f in r.findings]
    listed = sum(len(report.findings) for report in run.reports if not report.asked)
    counted = [(SIGNS[verdict], asked.count(verdict), verdict) for verdict in SIGNS]
    return [entry for entry in counted + [(LISTED, listed, "listed")] if entry[1]]


def _model(number: int, result: Any, run: Run) -> Dict[str, Any]:
    anchor = f"m{number}"
    if isinstance(result, Failure):
        return {
            "anchor": anchor,
            "path": result.path,
            "sign": _sign(result.exit_code, []),
            "failure": result,
            "headline": reason(result),
        }
    report: ModelReport = result
    texts = entries(report.findings, report.by_tensorflow)
    layers = [
        card.of(f"{anchor}-l{index}", finding, report.asked, text)
        for index, (finding, text) in enumerate(zip(report.findings, texts), 1)
    ]
    return {
        "anchor": anchor,
        "path": report.path,
        "sign": _sign(report.exit_code, [report]),
        "failure": None,
        "report": report,
        "headline": of(report),
        "closing": closing(report, run.dry_run),
        "missing": [problem.message for problem in problems.without_layer(report)],
        "needless": shortened([f"`{f.intent.label}`, which {f.why}" for f in report.need_no_layer]),
        "ios": (minimum_ios(report.spec_before), minimum_ios(report.spec_after)),
        "layers": layers,
        "paths": [_path(moved, layers) for moved in report.displacements],
        "overview": _overview(report, layers),
        "by_address": _by_address(layers),
        "worst": max(report.displacements, key=lambda m: max(m.largest), default=None),
    }


def _overview(report: ModelReport, layers: Sequence[Card]) -> Optional[overview.Seen]:
    if report.overview is None:
        return None
    return overview.seen(report.overview, _by_address(layers))


def _by_address(layers: Sequence[Card]) -> Dict[str, Card]:
    return {layer.finding.layer.address: layer for layer in layers}


def _path(moved: Displacement, layers: Sequence[Card]) -> _Path:
    by_address = _by_address(layers)
    steps: List[_Step] = []
    total = left = 0.0
    most = max(moved.largest) or 1.0
    for step in moved.path:
        (down, right), largest = moved.pixels(step.mean), max(moved.pixels(step.largest))
        layer = by_address.get(step.address)
        is_fixed = layer is not None and layer.finding.verdict == findings.FIXED
        total += largest
        left += 0.0 if is_fixed else largest
        width = min(100.0, 100 * largest / most)
        steps.append(_Step(layer, step.address, down, right, largest, total, width, is_fixed))
    return _Path(moved.output, max(moved.largest), left, steps)


def _ticks(text: object) -> Any:
    """Text in which `names` are set as code; everything is escaped first."""
    import markupsafe

    parts = str(text).split("`")
    if len(parts) % 2 == 0:  # a name that holds a backtick itself
        return text
    pieces = [markupsafe.escape(part) for part in parts]
    code = markupsafe.Markup("<code>{}</code>")
    return markupsafe.Markup("").join(
        code.format(piece) if index % 2 else piece for index, piece in enumerate(pieces)
    )


def _error(value: Optional[float]) -> str:
    return "–" if value is None else "0" if value == 0 else f"{value:.2g}"
