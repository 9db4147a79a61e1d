"""Draw docs/shift.svg, the picture of the README: `python docs/make_picture.py`.

It shows a layer of the example model as its report does.
"""

import os

from coreml_resize_fix import audit
from coreml_resize_fix.report import drawing, html

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "shift.svg")
UNET = os.path.join(os.path.dirname(HERE), "examples", "unet", "unet")

# The colors of the report's light scheme, on a ground of its own: a page may be dark.
STYLE = (
    "svg{background:#fff} text{font:11px system-ui,sans-serif;fill:#1c1f23} .faint{fill:#59616d} "
    ".pixel{fill:#f6f7f9;stroke:#d5d9df} .link{stroke:#59616d;stroke-width:.8} "
    ".asked{fill:#0b5cad} .before{fill:#a63a00} .after{fill:#17663a}"
)


def text() -> str:
    """The SVG."""
    report = audit(UNET + ".mlmodel", UNET + ".intent.json")
    return html.picture(drawing.drawings(report.findings[0])[0], STYLE)


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
