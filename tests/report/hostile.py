"""Names that a model may hold to be taken for something else, and runs that are full of them."""

from dataclasses import replace

from coreml_resize_fix.auditing.without_layer import MISSING, WithoutLayer
from coreml_resize_fix.formats.shapes import Conflict
from coreml_resize_fix.run.results import Failure
from coreml_resize_fix.verify.agreement import (
    NUMPY,
    Agreement,
    ComparedOutput,
    Contribution,
    Effect,
    Effects,
    NotRun,
)
from tests.report.reports import report, run, unet

NAMES = [
    "two\nlines",
    "a\r\n::error::b",
    "::error file=x,title=y::z",
    "::set-output name=a::b",
    "##[error]b",
    "%0A::error::b",
    "%25",
    "a,b:c",
    "a,title=b::c",
    "{0} {{1}}",
    "[click](http://x)",
    "\u2028::error::b",
    "\x1b[31m\x00",
    "größe→×",
    "名前",
    "\ud800",
    "x" * 10000,
    "",
    " ",
]


def full_of(name):
    """A run in which every text that a stranger may choose is `name`."""
    finding = unet().findings[0]
    layer = replace(finding.layer, name=name)
    intent = replace(finding.intent, name=name, layer=name)
    outputs = (ComparedOutput(name, 0.5, None, 1.0, False),)
    effect = Effect(name, 0.5, 3, 8, 1.0, True)
    alone = tuple(Contribution(address, name, (effect,)) for address in ("layers[3]", "layers[4]"))
    bad = replace(
        report(path=name),
        findings=(replace(finding, layer=layer, message="`{}` is off".format(name)),),
        unused=(intent,),
        cannot_run=(Conflict("layers[3]", name, "add", "`{}` does not fit".format(name)),),
        notices=(name,),
        network=Agreement(NUMPY, 0.1, outputs, None, NotRun("layers[9]", name, name), name),
        effects=Effects(True, (effect,), alone),
    )
    assert WithoutLayer(intent, MISSING) in bad.without_layer
    failure = Failure(name, "`{}` is empty".format(name), name, details=(name, name))
    other = replace(bad, asked=False, network=None, unused=(), cannot_run=())
    not_run = Effects(True, not_run=NotRun("layers[9]", name, name))
    return replace(run(failure, bad, replace(other, effects=not_run)), verbose=True)
