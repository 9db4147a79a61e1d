"""The page in a browser: readable at any width and in both schemes, self-contained, usable."""

import json
from dataclasses import replace

import pytest

from coreml_resize_fix.intents import assume, manifest
from coreml_resize_fix.report import html
from coreml_resize_fix.run import pipeline
from tests.cli.commands import INTENT, UNET
from tests.report import reports
from tests.run.reference_cases import Files

WIDTHS = [360, 1280]
SCHEMES = ["light", "dark"]
SCRIPT = "<script>alert(1)</script>"
# WCAG 2.1, level AA: text of normal size.
CONTRAST = 4.5

LUMINANCE = """
function luminance(color) {
  const parts = color.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}
function background(element) {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(color) && color !== "transparent") return color;
  }
  return "rgb(255, 255, 255)";
}
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !element.getClientRects().length) continue;
  const style = getComputedStyle(element);
  const ink = element instanceof SVGElement ? style.fill : style.color;
  const pair = [luminance(ink), luminance(background(element))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  found.push([ratio, element.tagName, element.textContent.slice(0, 30)]);
}
return found;
"""


def audited(**options):
    request = pipeline.Request(dry_run=True, pictures=True, **options)
    return pipeline.process(UNET, request)


@pytest.fixture(scope="module")
def unet():
    return audited(manifest=manifest.load(INTENT))


@pytest.fixture
def opened(browser, tmp_path):
    """Open a report at a width and in a scheme; what the console says of it stays empty."""
    from selenium.webdriver.support import ui as support

    def open_page(*results, width=1280, scheme="light"):
        path = tmp_path / "report.html"
        path.write_text(html.render(reports.run(*results)), encoding="utf-8")
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        browser.get_log("performance")
        browser.get_log("browser")
        browser.get(path.as_uri())
        wait = support.WebDriverWait(browser, 60)
        wait.until(lambda page: page.execute_script("return document.readyState") == "complete")
        return browser

    return open_page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pictures_are_seen_and_the_page_does_not_scroll_sideways(width, scheme, opened, unet):
    page = opened(unet, width=width, scheme=scheme)
    assert page.get_log("browser") == []
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    boxes = page.execute_script(
        "return [...document.images].map(i => [i.naturalWidth, i.complete, "
        "i.getBoundingClientRect().left, i.getBoundingClientRect().right, "
        "i.getBoundingClientRect().width, i.getBoundingClientRect().height])"
    )
    assert len(boxes) > 20
    for natural, complete, left, right, shown, height in boxes:
        assert natural > 0
        assert complete
        assert left >= 0
        assert right <= width
        assert min(shown, height) > 40
    drawings = page.execute_script(
        "return [...document.querySelectorAll('figure > .scroll > svg')]"
        ".filter(s => !s.closest('details:not([open])'))"
        ".map(s => [s.getBoundingClientRect().width, s.getBBox().width, "
        "getComputedStyle(s.querySelector('text')).fontSize])"
    )
    assert len(drawings) == 4
    # Text of 11 units in a drawing of 720 stays above 8 pixels.
    assert all(shown * 11 / 720 > 8 for shown, _, _ in drawings)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_is_readable(scheme, opened, unet):
    page = opened(unet, audited(assume=assume.parse("bicubic")), scheme=scheme)
    back = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = page.execute_script(LUMINANCE)
    assert len(found) > 200
    assert [entry for entry in found if entry[0] < CONTRAST] == []


def test_nothing_but_the_file_is_asked_for(opened, unet):
    page = opened(unet)
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith(("file://", "data:image/png"))] == []
    assert len([url for url in asked if url.startswith("file://")]) == 1


def test_a_layer_called_script_is_shown_as_text(opened, unet):
    finding = unet.findings[0]
    named = replace(finding, layer=replace(finding.layer, name=SCRIPT))
    page = opened(replace(unet, findings=(named,), path=SCRIPT))
    assert page.execute_script("return document.scripts.length") == 0
    heading = page.execute_script("return document.querySelector('article h4').textContent")
    assert heading.strip() == SCRIPT
    assert page.get_log("browser") == []


def test_the_keyboard_reaches_everything(opened, unet):
    from selenium.webdriver.common.keys import Keys

    page = opened(unet)
    reached = []
    for _ in range(80):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(
            page.execute_script(
                "const e = document.activeElement; return [e.tagName, e.textContent.trim()]"
            )
        )
    assert reached[0] == ["A", "Skip to the layers"]
    foldable = page.execute_script("return document.querySelectorAll('summary').length")
    assert len({tuple(x) + (n,) for n, x in enumerate(reached) if x[0] == "SUMMARY"}) >= foldable
    summary = page.find_element("css selector", "article summary")
    summary.send_keys(Keys.ENTER)
    assert page.execute_script("return document.querySelector('article details').open")


def test_two_hundred_layers(opened, unet):
    page = opened(replace(unet, findings=unet.findings * 50))
    assert page.execute_script("return document.querySelectorAll('article').length") == 200
    # What a browser builds and keeps: far below what makes one slow.
    assert page.execute_script("return document.querySelectorAll('*').length") < 60000
    page.execute_script("document.querySelector('a[href=\"#m1-l200\"]').click()")
    top = page.execute_script(
        "return document.getElementById('m1-l200').getBoundingClientRect().top"
    )
    assert 0 <= top < 900


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_network_with_its_reference(width, scheme, opened, tmp_path):
    files = Files("unet", tmp_path)
    request = pipeline.Request(pictures=True, reference=files.tensors)
    report = pipeline.process(files.model, request.with_manifest(manifest.load(files.manifest)))
    seen = report.overview
    names = tuple("a_long_name_without_any_place_to_break_it" * 3 for _ in range(6))
    stations = seen.line.stations * 100
    line = seen.line._replace(inputs=names, stations=stations, outputs=names)
    report = replace(report, overview=seen._replace(line=line, errors=seen.errors * 100))
    page = opened(report, width=width, scheme=scheme)
    assert page.get_log("browser") == []
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    boxes = page.execute_script(
        "return [...document.querySelectorAll('.line li, .legend li, .strip li')]"
        ".map(e => [e.getBoundingClientRect().left, e.getBoundingClientRect().right])"
    )
    assert len(boxes) > 200
    assert all(left >= 0 and right <= width for left, right in boxes)
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert [each for each in page.execute_script(LUMINANCE) if each[0] < CONTRAST] == []
