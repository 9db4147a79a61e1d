"""CONTRIBUTING.md and docs/architecture.md name files and folders that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "coreml_resize_fix"
PAGES = ("CONTRIBUTING.md", "docs/architecture.md")
ROOMS = ("benchmarks", "coreml_resize_fix", "docs", "examples", "hardening", "tests")
PATHS = {
    "/" + path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*")
}
PATHS |= {"/" + path.name for path in ROOT.iterdir()}


def named(page):
    """What a page names: `a/b.py`, `b.py`, `a/` in backticks, and docs/a.md anywhere."""
    text = (ROOT / page).read_text(encoding="utf-8")
    quoted = re.findall(r"`((?:python )?[\w./-]+(?:\.\w+|/))`", text)
    return {name.replace("python ", "") for name in quoted} | set(
        re.findall(r"\bdocs/\w+\.md\b", text)
    )


def exists(name):
    return any(path.endswith("/" + name.rstrip("/")) for path in PATHS)


@pytest.mark.parametrize("page", PAGES)
def test_files_exist(page):
    files = {name for name in named(page) if re.search(r"\.(py|md|json|html)$|/$", name)}
    assert len(files) > 30
    assert {name for name in files if not exists(name)} == set()


def test_tables_exist():
    """`TABLE` of `file`: the file has it."""
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    pairs = re.findall(r"`(_?[A-Z][A-Z_]+)` of `([\w/]+\.py)`", text)
    assert len(pairs) > 8
    for table, name in pairs:
        found = [path for path in PACKAGE.rglob("*.py") if path.as_posix().endswith("/" + name)]
        assert any(f"\n{table}" in path.read_text(encoding="utf-8") for path in found), name


def test_the_glossary_is_short():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text.split("\n## Words\n")[1].split("\n## ")[0], re.M)
    words = rows[1:]
    assert len(words) == len(set(words)) <= 25
