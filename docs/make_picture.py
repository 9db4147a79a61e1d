"""Draw docs/shift.svg, the picture of the README: `python docs/make_picture.py`.

It shows a layer of the example model as its report does.
"""

import os

from coreml_resize_fix import audit
from coreml_resize_fix.report import drawing, html, notebook

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "shift.svg")
UNET = os.path.join(os.path.dirname(HERE), "examples", "unet", "unet")


def text() -> str:
    """The SVG."""
    report = audit(UNET + ".mlmodel", UNET + ".intent.json")
    return html.picture(drawing.drawings(report.findings[0])[0], notebook.STYLE)


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
