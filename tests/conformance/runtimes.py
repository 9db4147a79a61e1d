"""Runtimes that are wrong on purpose, for `--runtime tests.conformance.runtimes:NAME`."""

import os
import signal
import time

import numpy as np

from coreml_resize_fix.verify.network import execute


def crashing(model, unit, inputs):
    """Ends its process at every downscale."""
    if " down/" in model.label:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(model, inputs)


def shifted(model, unit, inputs):
    """What it makes is one pixel too far to the right."""
    made = execute(model, inputs)
    moved = {name: np.roll(array, 1, -1) for name, array in made.outputs.items()}
    return made._replace(outputs=moved)


def slow(model, unit, inputs):
    """Takes its time."""
    time.sleep(0.2)
    return execute(model, inputs)


def failing(model, unit, inputs):
    """As Core ML fails: by an exception of no class of its own."""
    raise RuntimeError("Error binding output")
