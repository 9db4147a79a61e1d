"""Who may import whom, which frameworks are kept out, and how long a file may be."""

import ast
from functools import lru_cache
from pathlib import Path

import pytest

import coreml_resize_fix

PACKAGE = Path(coreml_resize_fix.__file__).parent
NAME = "coreml_resize_fix"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300

# Rooms from the ground up: each may import those above it in this list, and itself.
ROOMS = (
    "errors",
    "short_repr",
    "words",
    "progress",
    "sampling",
    "conventions",
    "files",
    "intents",  # what all frameworks share
    "intents/torch",
    "intents/onnx",
    "intents/tensorflow",
    "intents/frozen_graph",
    "intents/tflite",
    "intents/keras",
    "replacements",
    "verify/kernels",
    "formats/protobuf",
    "formats",  # what both kinds of model implement
    "formats/inference",  # and what both need to infer sizes
    "formats/neuralnetwork",
    "formats/mlprogram",
    "auditing",
    "verify",
    "run",
    "report",
    "cli",
    "conformance",
    "api",
    "__main__",
    "__init__",  # the public names; each is imported when it is first used
)
# These know what a file is only by the protocol.
FORMATLESS = ("auditing", "replacements", "verify/kernels", "verify", "report")
PROTOCOL = (
    "model",
    "other_tensors",
    "execution",
    "features",
    "resize_op",
    "shapes",
    "resize_layer",
    "input_sizes",
    "spec_versions",
    "origin",
)
# Neither kind of model knows the other.
KINDS = {"formats/neuralnetwork", "formats/mlprogram"}
# Opening a file is where the kinds of model are named, and a pipeline may hold both.
BY_KIND = {"formats/open.py", "formats/mixed_pipeline.py"}
# What has intents of a framework -> which other frameworks it knows.
FRAMEWORKS_KNOWN = {
    "intents/torch": set(),
    "intents/onnx": set(),
    "intents/tensorflow": set(),
    "intents/frozen_graph": {"intents/tensorflow"},
    "intents/tflite": {"intents/tensorflow"},
    "intents/keras": {"intents/tensorflow", "intents/torch"},  # they are its backends
}
# Who records a model is chosen by its framework; all others but these know intents alone.
RECORDING = "intents/record.py"
BY_FRAMEWORK = {RECORDING, "__init__.py"}

FRAMEWORKS = ("coremltools", "torch", "onnx", "google.protobuf", "tensorflow")


def room_of(module):
    """The room of a module of this package, given without the package's name."""
    parts = module.split(".")
    inner = "/".join(parts[:2])
    return inner if inner in ROOMS else parts[0] or "__init__"


def module_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


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


MODULES = {module_of(path): path for path in FILES}


def own(name):
    """The module of this package that an imported name is, or is in; None for any other."""
    if name.split(".")[0] != NAME:
        return None
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts) or "__init__"


@lru_cache(maxsize=None)
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@lru_cache(maxsize=None)
def imports_of(path, top_level=False):
    package = (NAME,) + path.relative_to(PACKAGE).parts[:-1]
    return list(imports(parsed(path), top_level, package))


def used_by(path, top_level=False):
    """Modules of this package that a file imports."""
    return {own(name) for name in imports_of(path, top_level)} - {None, module_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file(path):
    relative, room = path.relative_to(PACKAGE).as_posix(), room_of(module_of(path))
    assert room in ROOMS, f"say in this test where the room {room} stands"
    used = used_by(path)
    if relative not in (*BY_KIND, RECORDING):
        # Every module may ask for the version.
        upward = {module for module in used - {"__init__"} if _is_above(room_of(module), room)}
        assert not upward
    if room in KINDS:
        assert not {module for module in used if room_of(module) in KINDS - {room}}
    if relative not in BY_FRAMEWORK:
        others = {room_of(module) for module in used} & set(FRAMEWORKS_KNOWN) - {room}
        assert others <= FRAMEWORKS_KNOWN.get(room, set())
    if room in FORMATLESS:
        known = {module for module in used if room_of(module).startswith("formats")}
        assert known <= {f"formats.{name}" for name in PROTOCOL}
    names = imports_of(path)
    if relative != "formats/protobuf/schema.py":
        at_once = imports_of(path, top_level=True)
        assert [name for name in at_once if name.startswith(FRAMEWORKS)] == []
    if room in (*FORMATLESS, "sampling", "conventions"):
        assert not [name for name in names if name.startswith(FRAMEWORKS)]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def _is_above(one, other):
    return ROOMS.index(one) > ROOMS.index(other)


def test_files_do_not_import_in_a_circle():
    left = {module: used_by(path, top_level=True) for module, path in MODULES.items()}
    while left:
        free = [module for module, used in left.items() if not used & set(left)]
        assert free, f"a circle among {sorted(left)}"
        for module in free:
            del left[module]


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
    assert own("coreml_resize_fix.formats.protobuf.wire.Source") == "formats.protobuf.wire"
    assert own("coreml_resize_fix.__version__") == "__init__"
    assert own("numpy") is None
    assert room_of("formats.neuralnetwork.sizes.infer") == "formats/neuralnetwork"
    assert room_of("formats.model") == "formats"
    assert room_of("intents.torch.calls") == "intents/torch"
    assert room_of("intents.model") == "intents"
    assert used_by(PACKAGE / "auditing" / "run.py") >= {"auditing.decide", "formats.model"}
