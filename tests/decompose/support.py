"""Layers written in protobuf text format, and replacements run on random images."""

import numpy as np
from google.protobuf import text_format

from coreml_resize_fix.coreml import schema
from coreml_resize_fix.rewrite.decompose import REPLACEMENTS, Context
from coreml_resize_fix.verify import layers

ROWS = {row.name: row for row in REPLACEMENTS}

# (exact mapping, rank, dimensions before the channels)
RANK5 = (False, 5, (1, 2))
SEQUENCE = (False, 5, (3, 2))
EXACT5 = (True, 5, (1, 2))
EXACT4 = (True, 4, (2,))
EXACT3 = (True, 3, ())
LAYOUTS = {"RANK5": RANK5, "EXACT 5": EXACT5, "EXACT 4": EXACT4, "EXACT 3": EXACT3}


def layer(text, inputs="x", output="y"):
    """One layer message; input blobs are separated by blanks."""
    message = schema.layer_class()(name="layer", input=inputs.split(), output=[output])
    text_format.Merge(text, message)
    return message


def compute(text, *blobs):
    """What one layer makes of blobs, which are named x, x2, x3, …"""
    names = ["x", "x2", "x3"][: len(blobs)]
    given = dict(zip(names, (np.array(blob, dtype=np.float64) for blob in blobs)))
    return layers.run([layer(text, " ".join(names))], given)["y"]


def numbers(values):
    """A weight message's field, for the text format."""
    return " ".join("floatValue: {!r}".format(float(v)) for v in np.ravel(values))


def context(rows, columns, layout=RANK5, **more):
    """The context of a layer "up" that reads the blob "x" and gives "y"."""
    exact_mapping, rank, lead = layout
    more.setdefault("sequence", lead[0] if rank == 5 else None)
    return Context(rows, columns, "up", "x", "y", rank=rank, exact_mapping=exact_mapping, **more)


def images(layout, channels, height, width, seed=0):
    """Seeded noise between -1 and 1, of float32 values."""
    shape = (*layout[2], channels, height, width)
    values = np.random.RandomState(seed).uniform(-1, 1, shape)
    return values.astype(np.float32).astype(np.float64)


def run(built, x):
    """What the layers of a replacement make of x; the blob that they give is y."""
    return layers.run(built, {"x": x})["y"]


def error(got, expected):
    """Largest distance, as a share of the largest magnitude."""
    assert got.shape == expected.shape
    return np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-6)
