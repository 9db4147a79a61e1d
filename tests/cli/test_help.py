"""--help, --version, and usage errors that click itself reports."""

import re

import click
import pytest

import coreml_resize_fix
from coreml_resize_fix.cli.command import command
from tests.cli.commands import UNET, run

# The options of this version; the table in the README and scripts rely on them.
OPTIONS = {
    "-m, --manifest",
    "--assume",
    "-n, --dry-run",
    "-o, --output",
    "--in-place",
    "--force",
    "--deployment-target",
    "--decompose",
    "--write-manifest",
    "--partial",
    "--verify / --no-verify",
    "--format",
    "-q, --quiet",
    "-v, --verbose",
    "--version",
    "-h, --help",
}


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_option(flag):
    ran = run(flag)
    assert ran.code == 0
    assert ran.err == ""
    # click 7 puts empty lines between options, so only the next heading ends the list.
    options = ran.out.split("\nOptions:\n")[1].split("Exit codes:")[0]
    listed = set(re.findall(r"^  (-\S+(?: / --\S+| --\S+)*)", options, re.MULTILINE))
    assert listed >= OPTIONS
    own = {flag for param in command.params for flag in param.opts + param.secondary_opts}
    assert {flag for flag in own if flag.startswith("-")} <= set(
        re.findall(r"--?[a-z][a-z0-9-]*", options)
    )


def test_every_option_says_what_it_does():
    for param in command.params:
        if isinstance(param, click.Option):
            assert len(param.help) > 15, param.name


def test_help_shows_models_and_exit_codes():
    out = run("--help").out
    assert out.startswith("Usage: coreml-resize-fix [OPTIONS] MODEL...") or "MODEL..." in out
    for code in "0123":
        assert re.search(r"^    {}  [a-z]".format(code), out, re.MULTILINE)
    assert all(len(line) < 81 for line in out.splitlines())


def test_version():
    ran = run("--version")
    assert ran.code == 0
    assert coreml_resize_fix.__version__ in ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "MODEL"),
        ([UNET, "--decompos"], "--decompos"),
        ([UNET, "--format", "yaml"], "yaml"),
        ([UNET, "-m"], "-m"),
        ([UNET, "--dry-run=yes"], "--dry-run"),
    ],
)
def test_usage_errors(arguments, says):
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert says in ran.err
    assert "Error: " in ran.err
    assert "Traceback" not in ran.err
