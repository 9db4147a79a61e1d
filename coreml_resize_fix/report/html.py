"""The report as one self-contained page: nothing is loaded from elsewhere, and nothing runs."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from coreml_resize_fix import __version__
from coreml_resize_fix.auditing import findings
from coreml_resize_fix.auditing.displacement import Displacement
from coreml_resize_fix.auditing.findings import Finding
from coreml_resize_fix.auditing.rules import RULES
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.report import drawing, effects, images, overview, problems
from coreml_resize_fix.report.lists import shortened
from coreml_resize_fix.report.plain import visible
from coreml_resize_fix.report.signs import LISTED, SIGNS, Sign
from coreml_resize_fix.report.summary import closing
from coreml_resize_fix.report.table import sizes
from coreml_resize_fix.report.text import cost
from coreml_resize_fix.run.results import Failure, ModelReport, Run


class Layer(NamedTuple):
    """A finding and what is drawn for it; `anchor` is made of numbers, never of names."""

    anchor: str
    finding: Finding
    sign: Sign
    sizes: str
    shift: str
    after: Optional[str]
    cost: Optional[str]
    ios: Optional[str]
    drawings: List[drawing.Drawing]
    strip: Optional[images.Strip]
    codes: List[Tuple[str, str]]


class _Step(NamedTuple):
    """One resize on the way to an output: what it adds, the sum so far, and its share of it."""

    layer: Optional[Layer]
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
    models = [_model(number, result, run) for number, result in enumerate(run.models, 1)]
    page: str = (
        _environment()
        .get_template("report.html")
        .render(
            models=models,
            failures=[failure for failure in run.failures if failure.path is None],
            counts=_counts(run),
            version=__version__,
            exit_code=run.exit_code,
        )
    )
    return page


def picture(drawn: drawing.Drawing, style: str) -> str:
    """One drawing as an SVG file of its own; `style` is put into it as a style sheet."""
    import markupsafe

    parts = _environment().get_template("parts.html").module
    sheet = markupsafe.Markup(f"<style>{style}</style>")
    lines = str(parts.axis(drawn, sheet)).splitlines()
    return "\n".join(line for line in lines if line.strip()) + "\n"


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
        return {"anchor": anchor, "path": result.path, "failure": result}
    report: ModelReport = result
    layers = [
        _layer(f"{anchor}-l{index}", finding, report.asked)
        for index, finding in enumerate(report.findings, 1)
    ]
    return {
        "anchor": anchor,
        "path": report.path,
        "failure": None,
        "report": report,
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


def _layer(anchor: str, finding: Finding, asked: bool) -> Layer:
    sign = SIGNS[finding.verdict] if asked else LISTED
    after = finding.after
    return Layer(
        anchor,
        finding,
        sign,
        sizes(finding),
        "–" if finding.max_shift_px is None else f"{finding.max_shift_px:.3f}",
        str(after) if after is not None else None,
        cost(after) if after is not None and after.is_chain else None,
        minimum_ios(finding.spec_version) if after is not None else None,
        drawing.drawings(finding),
        images.strip(finding.picture) if finding.picture is not None else None,
        [(code, RULES[code].summary) for code in finding.codes],
    )


def _overview(report: ModelReport, layers: Sequence[Layer]) -> Optional[overview.Seen]:
    if report.overview is None:
        return None
    return overview.seen(report.overview, _by_address(layers))


def _by_address(layers: Sequence[Layer]) -> Dict[str, Layer]:
    return {layer.finding.layer.address: layer for layer in layers}


def _path(moved: Displacement, layers: Sequence[Layer]) -> _Path:
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
