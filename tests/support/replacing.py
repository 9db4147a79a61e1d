"""Layers written in protobuf text format, and replacements run on random images."""

from dataclasses import dataclass, replace
from typing import Any, FrozenSet, NamedTuple, Optional, Tuple

import numpy as np
from google.protobuf import text_format

from coreml_resize_fix.formats.neuralnetwork import interpret
from coreml_resize_fix.formats.neuralnetwork.layer_chains import rename_parts
from coreml_resize_fix.formats.neuralnetwork.place import LayerPlace
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.replacements import choose
from coreml_resize_fix.replacements.case import PROBES, Axes, Case
from coreml_resize_fix.replacements.table import REPLACEMENTS as TABLE
from coreml_resize_fix.sampling import AxisSpec


@dataclass(frozen=True)
class Asked:
    """A case, and the place of a neural network that its replacement is written for."""

    rows: AxisSpec
    columns: AxisSpec
    name: str
    input: str
    output: str
    channels: Optional[int] = None
    rank: Optional[int] = 5
    exact_mapping: bool = False
    sequence: Optional[int] = 1
    factors: Optional[Tuple[float, float]] = None
    others: Tuple[Axes, ...] = ()
    enumerated: bool = False
    float16: bool = False
    taken_names: FrozenSet[str] = frozenset()
    taken_blobs: FrozenSet[str] = frozenset()

    @property
    def case(self):
        others = list(self.others)
        if self.factors is not None and not self.enumerated:  # any size may come
            made = [[int(size * factor) for factor in self.factors] for size in PROBES]
            others += [
                tuple(
                    replace(axis, input_size=size, output_size=count)
                    for axis, count in zip((self.rows, self.columns), counts)
                )
                for size, counts in zip(PROBES, made)
                if all(counts)
            ]
        return Case(self.rows, self.columns, self.channels, self.factors, tuple(others))

    @property
    def place(self):
        return LayerPlace(
            self.name,
            self.input,
            self.output,
            self.rank,
            self.sequence,
            self.channels,
            self.exact_mapping,
            in_half=lambda: self.float16,
        )

    def layers(self, way):
        """The messages of a way, under names that are free."""
        made = way.messages()
        rename_parts(made, {*self.taken_names, *self.taken_blobs, *self.place.ends})
        return made


class Row(NamedTuple):
    """A replacement as a neural network writes it."""

    name: str
    follows_flexible: bool

    def _candidate(self, asked):
        found = choose.candidates(asked.case, asked.place)
        return next((each for each in found if each.purpose.name == self.name), None)

    @property
    def spec_version(self):
        """The lowest with its layers, over cases and places of every kind."""
        sides = [("linear", 4, 8), ("linear", 3, 9), ("linear", 6, 3), ("nearest_floor", 3, 5)]
        axes = [AxisSpec(kernel, "half_pixel", x, n) for kernel, x, n in sides]
        asked = [context(axis, axis, way, channels=2) for axis in axes for way in LAYOUTS.values()]
        return min(each.way.spec_version for each in map(self._candidate, asked) if each)

    def build(self, asked):
        """The messages in order of execution, or None."""
        found = self._candidate(asked)
        return None if found is None else asked.layers(found.way)

    def cost(self, asked):
        found = self._candidate(asked)
        return None if found is None else found.written().cost


REPLACEMENTS = tuple(
    Row(row.name, row.follows_flexible)
    for row in TABLE
    if row.name != "padded resize"  # for which a network has no layer
) + (
    Row("1×1 convolution", False),  # how matrices are written where ranks are not exact
)
ROWS = {row.name: row for row in REPLACEMENTS}


class Chosen(NamedTuple):
    replacement: Row
    layers: Any
    cost: choose.Cost
    spec_version: int


def cheapest(asked, spec_version):
    """The cheapest replacement, or None."""
    choice = choose.cheapest(asked.case, asked.place, spec_version)
    if choice is None:
        return None
    candidate = choice.candidate
    row = ROWS[candidate.purpose.name]
    return Chosen(row, asked.layers(candidate.way), choice.cost, choice.spec_version)


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
    return interpret.run([layer(text, " ".join(names))], given)["y"]


def numbers(values):
    """A weight message's field, for the text format."""
    return " ".join("floatValue: {!r}".format(float(v)) for v in np.ravel(values))


def context(rows, columns, layout=RANK5, **more):
    """What is asked of a layer "up" that reads the blob "x" and gives "y"."""
    exact_mapping, rank, lead = layout
    more.setdefault("sequence", lead[0] if rank == 5 else None)
    return Asked(rows, columns, "up", "x", "y", rank=rank, exact_mapping=exact_mapping, **more)


def images(layout, channels, height, width, seed=0):
    """Seeded noise between -1 and 1, of float32 values."""
    shape = (*layout[2], channels, height, width)
    values = np.random.RandomState(seed).uniform(-1, 1, shape)
    return values.astype(np.float32).astype(np.float64)


def run(built, x):
    """What the layers of a replacement make of x; the blob that they give is y."""
    return interpret.run(built, {"x": x})["y"]


def error(got, expected):
    """Largest distance, as a share of the largest magnitude."""
    assert got.shape == expected.shape
    return np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-6)
