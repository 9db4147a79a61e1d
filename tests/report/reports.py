"""Reports with chosen findings."""

from dataclasses import replace
from functools import lru_cache

from coreml_resize_fix.intents import manifest
from coreml_resize_fix.run import pipeline
from coreml_resize_fix.run.results import Run
from tests.cli.commands import INTENT, UNET


@lru_cache(maxsize=None)
def unet():
    """The dry run of the example: fixable, fixable, fixable, match."""
    return pipeline.process(UNET, pipeline.Request(manifest=manifest.load(INTENT), dry_run=True))


def report(*verdicts, **changes):
    """The example's report with these verdicts, and other fields as given."""
    found = unet().findings
    findings = [replace(found[n % 4], verdict=verdict) for n, verdict in enumerate(verdicts)]
    fields = dict({"path": "net.mlmodel", "notices": ()}, **changes)
    return replace(unet(), findings=tuple(findings), **fields)


def run(*results, dry_run=True):
    return Run(results, dry_run)
