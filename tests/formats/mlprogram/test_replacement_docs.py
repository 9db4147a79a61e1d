"""The table of docs/decompose.md for ML Programs is what is written."""

import os
import re

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram.place import OperationPlace
from coreml_resize_fix.formats.spec_versions import minimum_ios
from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.choose import candidates
from coreml_resize_fix.replacements.table import REPLACEMENTS
from coreml_resize_fix.sampling import AxisSpec
from tests.support.process import REPOSITORY

# Calls that every row computes one of: kernel, transform, sizes, source pixels per output pixel.
AXES = [
    AxisSpec("linear", "half_pixel", 4, 12),
    AxisSpec("cubic", "half_pixel", 8, 4),
    AxisSpec("area", "half_pixel", 9, 3),
    AxisSpec("linear", "half_pixel", 7, 10, step=1 / 1.5),
    AxisSpec("nearest_floor", "asymmetric", 4, 7),
    AxisSpec("nearest_floor", "asymmetric", 4, 2),
]


def written():
    """By the name of a replacement: the operations it is written with, since when, and whether
    it follows any size."""
    follows = {row.name: row.follows_flexible for row in REPLACEMENTS}
    found = {}
    for axis in AXES:
        here = OperationPlace((1, 2, axis.input_size, axis.input_size), "FLOAT32", 8, True)
        for each in candidates(Case(axis, axis, channels=2), here):
            made = each.written()
            kinds = " → ".join(made.params.as_dict()["layers"])
            told = (made.spec_version, follows[each.replacement.name])
            found.setdefault(made.params.name, (set(), *told))[0].add(kinds)
    return {
        name: (kinds, minimum_ios(version), "yes" if any_size else "no")
        for name, (kinds, version, any_size) in found.items()
    }


def test_the_table():
    with open(os.path.join(REPOSITORY, "docs", "decompose.md"), encoding="utf-8") as file:
        text = file.read().split("## In an ML Program")[1].split("##")[0]
    rows = re.findall(r"^\| ([\w ]+) \| (`[^|]+) \| ([\d.]+) \| (yes|no) \|$", text, re.MULTILINE)
    told = {
        name: (set(re.findall(r"`([^`]+)`", kinds)), ios, any_size)
        for name, kinds, ios, any_size in rows
    }
    assert told == written()


@pytest.mark.parametrize("name", [row.name for row in REPLACEMENTS])
def test_every_replacement_but_one_is_written(name):
    assert (name in written()) == (name != "CropResize")
