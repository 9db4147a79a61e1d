"""Names of layers that the model does not have: what is meant, in every form, and how many."""

import json

import pytest

from coreml_resize_fix.errors import DOCS
from coreml_resize_fix.intents import source
from coreml_resize_fix.report import github, html, markdown, sarif, text
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.results import Run
from tests.cli.commands import FIXABLE, UNET, manifest, run
from tests.support import cases

# The names of the example's layers.
LISTED = "name one of `29`, `34`, `39`, `46`"
MANY = 300000


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"299": {"align_corners": True}}, "no resize layer has this name; did you mean `29`?"),
        ({"decoder": {"align_corners": True}}, "no resize layer has this name"),
        ({"resizes": [{"layer": "2 9"}]}, "no resize layer has this name; did you mean `29`?"),
        (
            {"resizes": [{"name": "up", "layer": "299"}]},
            "no resize layer is named `299`; did you mean `29`?",
        ),
    ],
)
def test_what_is_meant_is_said_in_every_form(document, says, tmp_path):
    intents = manifest(document, tmp_path)

    def shown(*arguments):
        ran = run(UNET, "-n", "-m", intents, *arguments)
        assert ran.code == 1
        return " ".join(ran.out.split())

    assert f"(RSZ205); {says} help for RSZ205: {LISTED}" in shown()
    assert f"(RSZ205); {says}" in shown("-q")
    assert f"(RSZ205); {says}%0Ahelp: {LISTED}" in shown("--format", "github")
    (found,) = [
        result
        for result in json.loads(shown("--format", "sarif"))["runs"][0]["results"]
        if result["ruleId"] == "RSZ205"
    ]
    assert found["message"]["text"].endswith(f"; {says}")
    assert found["properties"]["help"] == LISTED
    assert says.replace("`", "") in shown("--format", "markdown").replace("`", "")
    page = tmp_path / "page.html"
    run(UNET, "-n", "-m", intents, "--report", page)
    coded = says.replace("`29`", "<code>29</code>").replace("`299`", "<code>299</code>")
    assert coded in page.read_text(encoding="utf-8")


def test_a_model_without_resizes_has_no_name_to_offer(tmp_path):
    path = cases.named("blog_custom").path
    ran = run(path, "-n", "-m", manifest({"up": {}}, tmp_path))
    assert "help for RSZ205: there is no resize layer to name\n" in ran.out


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The dry run of a manifest that names 300,000 layers that the model does not have."""
    path = tmp_path_factory.mktemp("many") / "intent.json"
    path.write_text(json.dumps({f"no{n}": {} for n in range(MANY)}))
    intents = source.ManifestReader()(str(path))
    request = pipeline.Request(dry_run=True).with_manifest(intents)
    return Run((pipeline.process(UNET, request),), True)


# form → the most lines, and the most characters, that a screen or a page is meant to hold
FORMS = {
    "text": (text, 100, 8000),
    "markdown": (markdown, 120, 12000),
    "github": (github, 30, 8000),
    "sarif": (sarif, 1600, 80000),
    "html": (html, 1500, 100000),
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_of_300_000_wrong_names_a_screen_is_shown(form, many):
    module, lines, characters = FORMS[form]
    shown = module.render(many)
    assert f"and {MANY - 20} more intents without a layer" in shown
    assert "no19`" in shown or "no19<" in shown
    assert "no20`" not in shown
    assert len(shown.splitlines()) <= lines
    assert len(shown) <= characters


def test_json_has_all_of_them(many):
    (report,) = many.reports
    assert len(report.without_layer) == MANY


def test_defects_of_a_manifest_end_after_a_screen(tmp_path):
    wrong = manifest({"resizes": [{"layr": str(n)} for n in range(1000)]}, tmp_path)
    ran = run(cases.named(FIXABLE).path, "-n", "-m", wrong)
    lines = ran.err.splitlines()
    assert lines[0] == "error: `{}` has 1000 defects".format(wrong)
    assert lines[1] == "  $.resizes[0].layr: unknown key; did you mean `layer`?"
    assert lines[20] == "  $.resizes[19].layr: unknown key; did you mean `layer`?"
    assert lines[21:] == [
        "  and 980 more",
        f"help: correct the manifest; every field: {DOCS}manifest.md",
    ]
