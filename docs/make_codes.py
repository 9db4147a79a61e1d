"""Write docs/codes.md from the texts of `--explain`: `python docs/make_codes.py`."""

import os

from coreml_resize_fix.cli.explain import markdown

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "codes.md")

if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(markdown())
