"""The page in a browser: readable at any width and in both schemes, self-contained, usable."""

import json
from dataclasses import replace

import numpy as np
import png
import pytest

from coreml_resize_fix.intents import assume, manifest
from coreml_resize_fix.report import html
from coreml_resize_fix.run import pipeline
from tests.cli.commands import INTENT, UNET
from tests.report import reports
from tests.run.reference_cases import Files

WIDTHS = [390, 1280]
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
    if (!/^rgba.*, 0\\)$/.test(color) && color !== "transparent") return color;
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


def wait(page):
    from selenium.webdriver.support import ui

    return ui.WebDriverWait(page, 60)


@pytest.fixture
def opened(browser, tmp_path):
    """Open a report at a width and in a scheme; what the console says of it stays empty."""

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
        wait(browser).until(
            lambda page: page.execute_script("return document.readyState") == "complete"
        )
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
    assert len(boxes) > 15
    for natural, complete, left, right, shown, height in boxes:
        assert natural > 0
        assert complete
        assert left >= 0
        assert right <= width
        assert min(shown, height) > 40
    drawings = page.execute_script(
        "return [...document.querySelectorAll('.plot > svg')]"
        ".filter(s => !s.closest('details:not([open])'))"
        ".map(s => [s.getBoundingClientRect().width, "
        "parseFloat(getComputedStyle(s.querySelector('text')).fontSize)])"
    )
    assert len(drawings) == 4
    # A drawing is 720 units wide, and its numbers stay above 8 pixels.
    assert all(shown * size / 720 > 8 for shown, size in drawings)


CUT = """
const found = [];
for (const element of document.querySelectorAll("body *:not(option)")) {
  const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !element.getClientRects().length || element.closest(".skip")) continue;
  const range = document.createRange();
  range.selectNodeContents(element);
  const plot = element.closest(".plot"), cell = element.closest("td, th");
  for (const box of range.getClientRects()) {
    const edge = (plot || cell || document.documentElement).getBoundingClientRect();
    const inside = box.left >= edge.left - 1 && box.right <= edge.right + 1;
    const label = element.matches("svg .label") && innerWidth < 800;  // written below the drawing
    if (!inside && !label) found.push([box.left, box.right, element.textContent.slice(0, 40)]);
  }
}
return found;
"""


@pytest.mark.parametrize("width", [360, 390, 700, 1280])
def test_nothing_is_cut(width, opened, unet):
    evil = SCRIPT + "x" * 300
    finding = unet.findings[1]
    named = replace(finding, layer=replace(finding.layer, name=evil), verdict="unmatchable")
    found = replace(
        unet, path=evil, findings=(*unet.findings, named), displacements=unet.displacements * 2
    )
    inventory = pipeline.process(UNET, pipeline.Request(dry_run=True, pictures=True))
    page = opened(found, inventory, audited(assume=assume.parse("bicubic")), width=width)
    page.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script(CUT) == []


def test_rows_are_stacked_on_a_phone(opened, unet):
    """Each cell below the one before, with the name of its column."""
    page = opened(unet, width=390)
    tops = page.execute_script(
        "return [...document.querySelector('.layers tbody tr').querySelectorAll('[data-label]')]"
        ".map(c => [c.dataset.label, c.getBoundingClientRect().top, "
        "getComputedStyle(c, '::before').content])"
    )
    assert [name for name, _, _ in tops][:3] == ["asked for", "in the file", "after"]
    assert [top for _, top, _ in tops] == sorted({top for _, top, _ in tops})
    assert all(told == f'"{name}"' for name, _, told in tops)


def luminance(color):
    """WCAG 2.1: relative luminance of 8-bit sRGB."""
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in color / 255]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_differences_stand_out_from_the_page(scheme, opened, unet):
    """Where nothing is off there is the ground of the page, not white in the dark."""
    page = opened(unet, scheme=scheme)
    image = page.find_element("css selector", "img.difference")
    page.execute_script("arguments[0].scrollIntoView()", image)
    width, height, rows, _ = png.Reader(bytes=image.screenshot_as_png).asRGB8()
    shown = np.array([list(row) for row in rows]).reshape(height, width, 3)[4:-4, 4:-4]
    colors = [luminance(color) for color in np.unique(shown.reshape(-1, 3), axis=0)]
    ground = max(colors) if scheme == "light" else min(colors)
    full = min(colors) if scheme == "light" else max(colors)
    assert ground > 0.95 if scheme == "light" else ground < 0.02
    assert (max(ground, full) + 0.05) / (min(ground, full) + 0.05) > 3
    assert len(colors) > 10


def test_no_difference_is_a_tick(opened, unet):
    page = opened(unet)
    ticks = page.find_elements("css selector", ".same")
    assert [tick.text.split("\n") for tick in ticks] == [["✓", "no difference"]] * 4


SHOWN = """
const seen = e => e.getClientRects().length > 0;
return [".layers tbody tr", "article", ".model"].map(
  s => [...document.querySelectorAll(s)].filter(seen).length);
"""


@pytest.mark.parametrize("scripts", [True, False])
def test_layers_are_filtered_by_verdict_with_and_without_scripts(scripts, opened, unet):
    right = replace(unet, findings=unet.findings[3:], path="right.mlmodel")
    page = opened(unet, right)
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    try:
        page.refresh()
        assert page.execute_script(SHOWN) == [5, 5, 2]
        for word, expected in (("match", [2, 2, 2]), ("fixable", [3, 3, 1]), ("all", [5, 5, 2])):
            page.find_element("id", f"only-{word}").click()
            assert page.execute_script(SHOWN) == expected
        buttons = page.find_elements("css selector", "article button")
        assert all(button.get_property("hidden") is not scripts for button in buttons)
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_link_leads_to_a_layer_that_is_filtered_out(opened, unet):
    page = opened(unet)
    page.find_element("id", "only-match").click()
    page.execute_script("location.hash = 'm1-l2'")
    assert page.find_element("id", "m1-l2").is_displayed()
    assert not page.find_element("id", "m1-l1").is_displayed()


@pytest.mark.parametrize("allowed", [True, False])
def test_a_manifest_entry_is_copied(allowed, opened, unet):
    page = opened(unet)
    page.execute_cdp_cmd(
        "Browser.setPermission",
        {
            "permission": {"name": "clipboard-write"},
            "setting": "granted" if allowed else "denied",
        },
    )
    entry = page.find_element("css selector", "#m1-l2 .entry")
    assert not entry.find_element("tag name", "button").is_displayed()
    entry.find_element("tag name", "summary").click()
    button = entry.find_element("tag name", "button")
    page.execute_script("document.addEventListener('copy', () => { window.copied = true; })")
    button.click()
    wait(page).until(lambda _: button.text == "Copied")
    text = entry.find_element("tag name", "pre").text
    assert json.loads(text) == {
        "layer": "34",
        "name": "decoder.up1",
        "mode": "bilinear",
        "align_corners": True,
        "antialias": False,
        "size": [25, 31],
        "input_size": [10, 12],
        "output_size": [25, 31],
        "channels": 8,
    }
    assert page.execute_script("return getSelection().toString()").strip() == text
    assert page.execute_script("return window.copied === true") is not allowed


def test_no_other_script_runs(opened, unet, browser):
    """The policy of the page holds even if something were put into it."""
    page = opened(unet)
    path = page.current_url.replace("file://", "")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    evil = "<script>document.title = 'evil'</script><img src=x onerror=\"document.title='evil'\">"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("<main>", "<main>" + evil))
    browser.get(page.current_url)
    assert browser.title != "evil"
    refused = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert refused.count("Content Security Policy") >= 2


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
    assert page.execute_script("return document.scripts.length") == 1
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
