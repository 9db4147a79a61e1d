"""Who may import whom, which frameworks are kept out, and how long a file may be."""

import ast
from pathlib import Path

import pytest

import coreml_resize_fix

PACKAGE = Path(coreml_resize_fix.__file__).parent
NAME = "coreml_resize_fix"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300

# room → what it may import beside itself
LOWEST = {"errors"}
GRIDS = {"sampling"} | LOWEST
TABLES = {"dialects"} | GRIDS
PARTS = {"intents", "coreml", "replacements"} | TABLES
VERDICTS = {"auditing"} | PARTS
WORK = {"rewrite", "verify", "opening", "output"} | VERDICTS
MAY_IMPORT = {
    "errors": set(),
    "progress": set(),
    "signals": set(),
    "pool": {"signals"},
    "streams": set(),
    "sampling": LOWEST,
    "dialects": {"sampling"},
    # What replacements are made of knows no file format; formats know it.
    "replacements": {"sampling"},
    "files": LOWEST,
    "intents": TABLES | {"files"},
    "coreml": TABLES | {"files", "replacements"},
    # One folder for each kind of model; `coreml/` has what they share.
    "formats": TABLES | {"coreml"},
    "auditing": PARTS,
    "rewrite": VERDICTS,
    "verify": VERDICTS | {"progress"},
    "opening": {"coreml", "errors"},
    "output": {"coreml", "errors", "files", "progress"},
    # The values that go into a run and come out of it: the report shows them.
    "request": VERDICTS,
    "api": WORK | {"request", "progress"},
    "report": VERDICTS | {"files", "request"},
    "tasks": {"coreml", "errors", "files", "output"},
    "batch": WORK | {"api", "pool", "progress", "request", "tasks"},
    "roles": {"coreml", "errors", "files", "intents", "output", "tasks"},
    "terminal": {"request", "progress", "report", "streams"},
    "models": WORK | {"api", "report", "request"},
    "completion": {"auditing", "coreml"},
    "cli": {"completion", "batch", "roles", "tasks", "terminal", "report", "request"}
    | {"intents", "coreml", "errors"},
    "__main__": {"cli", "errors", "signals", "streams"},
    # The public names; each is imported when it is first used.
    "__init__": WORK | {"api", "models", "request"},
}
# Every room may ask for the version.
SHARED = {"__init__"}

FRAMEWORKS = ("coremltools", "torch", "onnx", "google.protobuf", "tensorflow")
# What knows the file format; a report is made of values only.
BORDER = ("schema", "skeleton", "splice", "walk", "wire", "package", "sniff")


def room_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(tree, top_level=False, package=()):
    """Every module that is imported, `a.b.c` for `from a.b import c` too.

    `package` is the package of the file, as its relative imports mean it.
    """
    nodes = top_level_nodes(tree.body) if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join(above + ((node.module,) if node.module else ()))
            for alias in node.names:
                yield "{}.{}".format(module, alias.name)


def top_level_nodes(body):
    """Statements that run when the module is imported; not those for type checkers."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        for field in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from top_level_nodes(getattr(node, field, []))


def own(name):
    """The room of an imported module of this package, or None."""
    parts = name.split(".")
    if parts[0] != NAME:
        return None
    if len(parts) == 1 or not ((PACKAGE / parts[1]).is_dir() or is_file(parts[1])):
        return "__init__"
    return parts[1]


def is_file(stem):
    return (PACKAGE / (stem + ".py")).exists()


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def package_of(path):
    return (NAME,) + path.relative_to(PACKAGE).parts[:-1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file(path):
    tree, room = parsed(path), room_of(path)
    assert room in MAY_IMPORT, "say in this test what {} may import".format(room)
    names = list(imports(tree, package=package_of(path)))
    used = {own(name) for name in names} - {None, room} - SHARED
    assert used <= MAY_IMPORT[room]
    if path.relative_to(PACKAGE).as_posix() != "coreml/schema.py":
        at_once = imports(tree, top_level=True, package=package_of(path))
        assert [name for name in at_once if name.startswith(FRAMEWORKS)] == []
    if room == "report":
        format_modules = {"{}.coreml.{}".format(NAME, module) for module in BORDER}
        assert not [name for name in names if name.startswith(tuple(format_modules))]
    if room in ("report", "sampling", "dialects", "replacements", "auditing"):
        assert not [name for name in names if name.startswith(FRAMEWORKS)]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_rooms_do_not_import_in_a_circle():
    order = []
    left = {room: set(may) for room, may in MAY_IMPORT.items()}
    while left:
        free = sorted(room for room, may in left.items() if not may - set(order))
        assert free, left
        order += free
        for room in free:
            del left[room]
    assert order.index("cli") > order.index("report") > order.index("api") > order.index("verify")


def test_rewrite_and_verify_do_not_know_each_other():
    assert "verify" not in MAY_IMPORT["rewrite"]
    assert "rewrite" not in MAY_IMPORT["verify"]


def test_what_is_looked_at():
    """An empty list would pass everything."""
    assert len(FILES) > 50
    tree = ast.parse("try:\n    import onnx\nexcept ImportError:\n    pass\n")
    assert list(imports(tree, top_level=True)) == ["onnx"]
    lazy = ast.parse("def f():\n    from torch import nn\n")
    assert list(imports(lazy, top_level=True)) == []
    assert list(imports(lazy)) == ["torch.nn"]
    near = ast.parse("from . import a\nfrom .b import c\nfrom ..d import e\n")
    assert list(imports(near, package=("x", "y"))) == ["x.y.a", "x.y.b.c", "x.d.e"]
    assert own("coreml_resize_fix.formats.protobuf.wire.Source") == "coreml"
    assert own("coreml_resize_fix.__version__") == "__init__"
    assert own("numpy") is None
