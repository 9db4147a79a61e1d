"""What the Python interface gives is what the command prints, in a console and in a notebook."""

import dataclasses
import inspect
import os
import pickle
import re
import shutil

import pytest

import coreml_resize_fix
from coreml_resize_fix import Manifest, audit, errors, fix
from coreml_resize_fix.report import notebook
from tests.cli.commands import CORNERS, FIXABLE, HALF, INTENT, NEVER, UNET, model, run, truth
from tests.report.hostile import NAMES, full_of
from tests.report.pages import Page
from tests.report.reports import report
from tests.support import cases

REFERENCE = os.path.join(cases.UNET, "unet.reference.npz")
PROGRAM = os.path.join(cases.FIXTURES, "calls", "coremltools-ml-program", "model.mlpackage")
PROGRAM_INTENT = os.path.join(os.path.dirname(PROGRAM), "intent.json")

NOTEBOOK_TAGS = {
    *("div", "strong", "p", "table", "thead", "tr", "th", "tbody", "td"),
    *("details", "summary", "img", "code"),
}

# what is audited → (arguments of the command, arguments of `audit`)
AUDITS = {
    "manifest": ([UNET, "-m", INTENT], {"model": UNET, "manifest": INTENT}),
    "values": (
        [UNET, "-m", INTENT, "--verify"],
        {"model": UNET, "manifest": INTENT, "verify": True},
    ),
    "grids": (
        [UNET, "-m", INTENT, "--no-verify"],
        {"model": UNET, "manifest": INTENT, "verify": False},
    ),
    "inventory": ([UNET], {"model": UNET}),
    "bicubic": (
        [UNET, "--assume", "bicubic", "--deployment-target", "iOS13"],
        {"model": UNET, "assume": "bicubic", "deployment_target": "iOS13"},
    ),
    "reference": (
        [UNET, "-m", INTENT, "--reference", REFERENCE],
        {"model": UNET, "manifest": INTENT, "reference": REFERENCE},
    ),
    "flexible": (
        [cases.named(NEVER).path, "--assume", CORNERS],
        {"model": cases.named(NEVER).path, "assume": CORNERS},
    ),
    "program": (
        [PROGRAM, "-m", PROGRAM_INTENT, "--decompose"],
        {"model": PROGRAM, "manifest": PROGRAM_INTENT, "decompose": True},
    ),
}


def needs(name):
    if name == "program":
        try:
            audit(PROGRAM)
        except errors.SchemaError as error:
            pytest.skip(error.message)


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("name", AUDITS)
def test_a_printed_report_is_what_the_command_prints(name, capsys):
    needs(name)
    arguments, options = AUDITS[name]
    found = audit(**options)
    ran = run(*arguments, "--dry-run")
    print(found)
    assert (capsys.readouterr().out, found.exit_code) == (ran.out, ran.code)


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("name", ["manifest", "inventory", "reference", "program"])
def test_other_forms_are_those_of_the_command(name, tmp_path):
    needs(name)
    arguments, options = AUDITS[name]
    found = audit(**options)
    page = tmp_path / "page.html"
    run(*arguments, "--dry-run", "--report", page)
    assert found.to_json() + "\n" == run(*arguments, "--dry-run", "--format", "json").out
    assert found.to_markdown() + "\n" == run(*arguments, "--dry-run", "--format", "markdown").out
    # The head of the page says how it was made.
    layers, written = (
        re.findall(r"(?s)<article.*?</article>", text)
        for text in (found.to_html(), page.read_text(encoding="utf-8"))
    )
    assert len(layers) == len(found.findings)
    assert layers == written


def test_the_report_of_a_fix_that_failed_is_what_the_command_prints(tmp_path):
    path, intent = model(HALF, tmp_path), truth(HALF, tmp_path)
    with pytest.raises(errors.UnmatchedError) as caught:
        fix(path, intent)
    assert str(caught.value.report) + "\n" == run(path, "-m", intent).out
    # As a pool of processes hands it on.
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert str(again.report) == str(caught.value.report)


def test_reports_compare():
    assert audit(UNET, INTENT, reference=REFERENCE) == audit(UNET, INTENT, reference=REFERENCE)
    assert audit(UNET, INTENT) != audit(UNET, assume=CORNERS)


@pytest.mark.parametrize("defect", ["missing", "empty", "manifest"])
def test_an_error_says_what_to_do_and_the_command_says_it_once(defect, tmp_path):
    path, intent = str(tmp_path / "no.mlmodel"), INTENT
    if defect == "empty":
        (tmp_path / "no.mlmodel").write_bytes(b"")
    if defect == "manifest":
        path, intent = UNET, str(tmp_path / "intent.json")
        (tmp_path / "intent.json").write_text('{"29": {"mode": "cubic", "size": 0}}')
    with pytest.raises(errors.ResizeFixError) as caught:
        audit(path, intent)
    ran = run(path, "-m", intent, "--dry-run")
    assert ran.err == "error: {}\n".format(caught.value)
    assert ran.err.count("help: ") == 1
    assert ran.err.count(caught.value.hint) == 1
    assert caught.value.hint in str(caught.value)


def test_every_error_is_exported():
    tree = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ResizeFixError)
    }
    assert len(tree) > 10
    for name, value in tree.items():
        assert getattr(coreml_resize_fix, name) is value
        assert name in coreml_resize_fix.__all__
    assert set(coreml_resize_fix.__all__) <= set(dir(coreml_resize_fix))


def values(value, seen):
    """A value and all that it holds, as far as it is made of our own classes and containers."""
    if id(value) in seen or isinstance(value, (str, int, float, type(None))):
        return
    seen[id(value)] = value
    yield value
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, (tuple, list)):
        inside = list(value) + list(getattr(value, "__dict__", {}).values())
    elif dataclasses.is_dataclass(value):
        inside = [getattr(value, field.name) for field in dataclasses.fields(value)]
    else:
        return
    for each in inside:
        yield from values(each, seen)


def test_values_show_what_they_are_in_a_line_and_no_bytes():
    manifest = Manifest.load(INTENT)
    found = [manifest, audit(UNET, manifest, reference=REFERENCE)]
    for case in ("blog_psp_acF", "ct9_nearest_frac", "legacy_flexible_array", "ct9_fp16"):
        if cases.named(case).is_readable:
            path = cases.named(case).path
            found.append(audit(path, assume="bicubic", decompose=True))
    if cases.named("ct9_fp16").is_readable:
        found.append(audit(PROGRAM, PROGRAM_INTENT, decompose=True))
    kinds, seen = set(), {}
    for value in values(tuple(found), seen):
        if not type(value).__module__.startswith("coreml_resize_fix"):
            continue
        shown = repr(value)
        kinds.add(type(value).__name__)
        assert len(shown) < 600, type(value)
        assert not re.search(r"\\x|b'|b\"| at 0x|\n", shown), shown
    assert {"Report", "Finding", "ResizeLayer", "Intent", "Manifest", "Overview"} <= kinds
    if cases.named("ct9_fp16").is_readable:
        assert {"LayerChain", "OperationChain", "Packed"} <= kinds


def test_the_values_that_people_meet_are_readable():
    found = audit(UNET, INTENT)
    assert repr(found) == "Report({!r}: 3 fixable, 1 match, exit code 1)".format(UNET)
    assert repr(found.findings[0]) == "Finding('29' at layers[9]: fixable RSZ101)"
    assert repr(found.findings[0].layer) == (
        "ResizeLayer('29' at layers[9]: Upsample BILINEAR ×2,2 DEFAULT)"
    )
    assert repr(coreml_resize_fix.Intent(size=(3, 4))) == "Intent(size=(3, 4))"
    assert repr(Manifest.load(INTENT)) == (
        "Manifest(['decoder.up0', 'decoder.up1', 'decoder.up2', 'decoder.gate'])"
    )
    long = dataclasses.replace(found, path="x" * 10**6)
    assert len(repr(long)) < 200


def test_a_notebook_shows_the_table_in_its_own_styles():
    found = audit(UNET, INTENT)
    page = Page(found._repr_html_())
    for finding in found.findings:
        for text in (finding.layer.name, finding.verdict, *finding.codes):
            assert text in page.text
    assert "3 layers would be fixed" in page.text
    assert len(page.of("img")) == 3
    for tag in ("style", "script", "link", "html", "body", "iframe", "svg"):
        assert page.of(tag) == []
    for _, attributes in page.elements:
        assert not {"class", "id"} & set(attributes)
        assert not re.search(r"color|font|background", attributes.get("style") or "")
        assert (attributes.get("src") or "data:").startswith("data:")


@pytest.mark.parametrize("name", NAMES + ["<script>alert(1)</script>", '"><img src=x onerror=x>'])
def test_names_mean_nothing_in_a_notebook(name):
    page = Page("".join(notebook.render(one, True) for one in full_of(name).reports))
    assert {tag for tag, _ in page.elements} <= NOTEBOOK_TAGS
    assert all(not key.startswith("on") for _, attributes in page.elements for key in attributes)


def test_a_notebook_stays_small():
    many = report(*["unmatchable"] * 3000)
    layer = dataclasses.replace(many.findings[0].layer, name="x" * 10**5)
    wide = dataclasses.replace(many.findings[0], layer=layer, message="`x` " * 10**5)
    many = dataclasses.replace(many, findings=(wide,) * 3000, notices=("n" * 10**5,) * 500)
    shown = notebook.render(many, True)
    assert len(shown) < 150000
    assert "2980 more resize layers" in shown
    assert "490 more remarks" in shown


def test_a_report_of_a_model_in_memory_has_every_form():
    path = cases.named(FIXABLE).path
    from coreml_resize_fix.formats.protobuf import schema

    spec = schema.model_class()()
    spec.ParseFromString(cases.read_bytes(path))
    found = audit(spec, assume=CORNERS)
    assert str(found).startswith("the model  (")
    assert "the model" in found.to_html()
    assert found.to_markdown()
    assert found.to_json()


def test_a_fixed_model_reports_that_nothing_is_left(tmp_path):
    shutil.copy(UNET, str(tmp_path))
    fixed = fix(str(tmp_path / "unet.mlmodel"), INTENT)
    assert "4 resize layers: all compute their intent" in str(audit(fixed, INTENT))


def test_what_is_left_names_arguments_and_not_options():
    found = report("needs-option")
    needs = ("--decompose", "--deployment-target iOS14")
    finding = dataclasses.replace(found.findings[0], needs=needs)
    error = errors.UnmatchedError(dataclasses.replace(found, findings=(finding,)))
    allowed = 'pass `decompose=True` and `deployment_target="iOS14"` to allow exact fixes, '
    assert error.hint.startswith(allowed)
