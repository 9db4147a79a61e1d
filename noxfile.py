"""The lanes: each session makes an environment of its own and shows what must hold there.

nox                                  # what `.ci/run` runs: all but `tests`, `bench` and `harden`
nox -l                               # what there is
nox -s highest -- tests/auditing -x  # what follows `--` goes to pytest, or to the script
"""

import re
import shutil
import subprocess
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"  # virtualenv makes no environment of Python 3.7 any more
nox.options.sessions = [
    "lint",
    "docs",
    "package",
    "torch",
    "tensorflow",
    "tensorflow_newest",
    "lowest",
    "highest",
    "browser",
]

BUILT = Path("build")
EXPORTED = BUILT / "exported"  # ONNX files by today's PyTorch, for the old converter
# Percent of the package that the tests of `highest` reach; recorders need frameworks that it lacks.
COVERED = 90
UNET = "examples/unet/unet.mlmodel --manifest examples/unet/unet.intent.json --dry-run --quiet"
PAGES = (
    "tests/test_readme.py tests/test_contributing.py tests/test_cheatsheet.py tests/test_lanes.py "
    "tests/test_executor_doc.py tests/report/test_report_docs.py tests/report/test_explain.py "
    "tests/replacements/test_docs.py tests/formats/mlprogram/test_replacement_docs.py "
    "tests/hardening/test_security_doc.py"
)
# The rooms in which tests use PyTorch or ONNX Runtime; the other lanes run the rest.
TORCH_ROOMS = (
    "tests/conventions tests/formats tests/intents tests/replacements tests/report tests/run "
    "tests/sampling tests/verify tests/hardening/test_matrix.py"
)
# What a test file says that uses TensorFlow, or reads files of it.
SKIPS_WITHOUT_TENSORFLOW = r'importorskip\(\s*"(tensorflow|keras|tf_keras|tflite|h5py)\b'
WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
ISSUE_CONFIG = Path(".github/ISSUE_TEMPLATE/config.yml")
GITHUB_FILES = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-actions": [Path("action.yml")],
    "vendor.github-issue-config": [ISSUE_CONFIG],
    "vendor.github-issue-forms": sorted(set(ISSUE_CONFIG.parent.glob("*.yml")) - {ISSUE_CONFIG}),
}


def find_python(version):
    """The newest interpreter of a version, under pyenv or on PATH, that starts; else None."""
    under_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), reverse=True)
    for candidate in [*under_pyenv, shutil.which(f"python{version}")]:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return str(candidate)
    return None


def lane(version, **options):
    """A session on this version of Python; where there is none, one that says how to get it."""
    python = find_python(version)
    if python is not None:
        return nox.session(python=python, **options)

    def without(function):
        @nox.session(name=function.__name__, python=False, **options)
        def missing(session):
            """Not run."""
            session.skip(f"there is no Python {version} here: `pyenv install {version}` gets it")

        return missing

    return without


def run_tests(session, *arguments):
    """All tests, or those behind `--`, two at a time."""
    session.run("python", "-m", "pip", "list", "--format=freeze")
    session.run("python", "-m", "pytest", "-q", "-n", "2", *arguments, *session.posargs)


@nox.session
def lint(session):
    """Style and types, and the schemas of what GitHub reads."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    for schema, files in GITHUB_FILES.items():
        session.run("check-jsonschema", "--builtin-schema", schema, *map(str, files))


@nox.session
def docs(session):
    """What the pages say, and that the generated ones are those of the code."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", *PAGES.split(), *session.posargs)


@nox.session
def package(session):
    """What a release uploads: built, checked, installed, and tested from the unpacked source."""
    session.install("build", "twine", "check-wheel-contents", "flit_core")
    shutil.rmtree(BUILT / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(BUILT / "dist"))
    (source,), (wheel,) = (
        sorted((BUILT / "dist").glob(pattern)) for pattern in ("*.tar.gz", "*.whl")
    )
    session.run("twine", "check", "--strict", str(source), str(wheel))
    session.run("check-wheel-contents", str(wheel))
    session.run("python", "-m", "pip", "install", "-q", f"{wheel}[test]")
    report = str(BUILT / "dist" / "report.html")  # its templates are in the package
    session.run("coreml-resize-fix", *UNET.split(), "--report", report, success_codes=[1])
    session.run("python", "-m", "pytest", "-q", "tests/test_package.py")
    shutil.unpack_archive(str(source), str(BUILT / "dist"))
    session.chdir(BUILT / "dist" / source.name[: -len(".tar.gz")])
    session.run("python", "-m", "pytest", "-q", "tests/auditing", "-m", "not slow")


@nox.session
def tests(session):
    """All tests on the Python that runs nox; by hand, where `highest` finds no Python."""
    session.install("-e", ".[test]")
    run_tests(session)


@lane("3.11")
def torch(session):
    """The tests that use PyTorch and ONNX Runtime of today, and the scripts of examples/."""
    # coremltools 9 needs NumPy below 2.4 to convert `size=t.shape`.
    more = ["torch==2.13.0", "onnxruntime", "onnxscript", "numpy<2.4"]
    session.install("-e", ".[test]", *more)
    rooms = [*TORCH_ROOMS.split(), *map(str, sorted(Path("tests").glob("test_*.py")))]
    run_tests(session, *([] if session.posargs else rooms))
    shutil.rmtree(EXPORTED, ignore_errors=True)
    run_example(session, "export_coremltools.py", str(BUILT / "converted"))
    run_example(session, "export_onnx_coreml.py", str(EXPORTED), "--only", "export")


@lane("3.11")
def tensorflow(session):
    """The tests that use TensorFlow, in the version that coremltools is made for."""
    session.install("-e", ".[test]", "tensorflow-cpu==2.12.0", "tflite")
    run_tests(session, *([] if session.posargs else tests_of_tensorflow()))


@lane("3.11")
def tensorflow_newest(session):
    """The same with TensorFlow of today, and Keras 3."""
    session.install("-e", ".[test]", "tensorflow-cpu", "keras>=3.10", "tflite")
    run_tests(session, *([] if session.posargs else tests_of_tensorflow()))


def tests_of_tensorflow():
    """Every test file that is skipped without TensorFlow or a package that reads its files."""
    files = sorted(map(str, Path("tests").rglob("test_*.py")))
    return [
        one for one in files if re.search(SKIPS_WITHOUT_TENSORFLOW, Path(one).read_text("utf-8"))
    ]


@lane("3.7")
def lowest(session):
    """The oldest versions that are supported, with PyTorch 1.4 and onnx-coreml; their example."""
    oldest = ["-c", "tests/lanes/lowest.txt", "torch==1.4.0"]
    session.install("-e", ".[test,legacy]", "pre-commit", *oldest)
    run_tests(session)
    run_example(session, "export_onnx_coreml.py", str(BUILT / "legacy"))
    if EXPORTED.exists():  # what `torch` exported
        run_example(session, "export_onnx_coreml.py", str(EXPORTED), "--only", "convert")


@lane("3.13")
def highest(session):
    """The newest versions of everything, and how much of the package the tests reach."""
    session.install("-e", ".[test]", "pre-commit", "pytest-cov")
    floor = [] if session.posargs else [f"--cov-fail-under={COVERED}"]
    session.env["COVERAGE_CORE"] = "sysmon"  # takes a tenth of the time of the tracer
    run_tests(session, "--cov", "--cov-report=", *floor)
    session.run("coverage", "report", "--skip-covered", "--sort=cover")


@nox.session
def browser(session):
    """The page that `--report` writes, in Chromium."""
    session.install("-e", ".[test,browser]")
    session.run("python", "-m", "pytest", "-q", "tests/browser", *session.posargs)


@nox.session
def bench(session):
    """Ratios of times and memory; by hand, on an idle machine: benchmarks/README.md."""
    session.install("-e", ".")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def harden(session):
    """Fuzzing and random models; by hand: docs/security.md. `--` takes a module and its options."""
    session.install("-e", ".[test,hardening]")
    asked = " ".join(session.posargs)
    for line in [asked] if asked else ["differential --models 200", "fuzz wire --minutes 0.5"]:
        name, *options = line.split()
        session.run("python", "-m", f"hardening.{name}", *options)


def run_example(session, script, *arguments):
    """An export script of examples/; what the frameworks print is shown if it fails."""
    session.run("python", "-W", "ignore", f"examples/{script}", *arguments, silent=True)
