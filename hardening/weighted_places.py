"""Folders with ML Programs whose fix adds numbers to a weight file, and what is asked for there."""

import os
import shutil
import tempfile
from functools import lru_cache
from typing import Any, Callable, Dict, Tuple

import numpy as np

from coreml_resize_fix.formats.protobuf import schema
from hardening.places import Place
from hardening.program_entries import MODEL, WEIGHTS
from tests.support import cases

DECOMPOSE = ("--assume", "bicubic", "--decompose")
Size = Tuple[int, int]
# Sizes whose matrix has more than 64 KiB, the most that stays in the model file.
FIRST: Tuple[Size, Size] = ((60, 6), (300, 8))
SECOND: Tuple[Size, Size] = ((300, 8), (64, 8))


def build(path: str, sizes: Tuple[Size, Size], weighted: bool, names: Tuple[str, str]) -> None:
    """Write a package of one program: a convolution, if it has weights, and a resize."""
    from tests.formats.mlprogram import build as mil
    from tests.formats.mlprogram.build import mb

    def make(x: Any) -> Any:
        if weighted:
            weight = np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
            x = mb.conv(x=x, weight=weight, pad_type="same")
        height, width = sizes[1]
        resized = mb.resize_bilinear(
            x=x, target_size_height=height, target_size_width=width, sampling_mode="DEFAULT"
        )
        return mb.relu(x=resized, name=names[1])

    program = mil.program(make, (1, 1, *sizes[0]))
    mil.save(program, path)


@lru_cache(maxsize=None)
def _kept(name: str) -> str:
    """A package that is built once in this process."""
    path = os.path.join(tempfile.mkdtemp(), "model.mlpackage")
    build(path, FIRST, name != "no weights", ("x", "middle"))
    if name == "pipeline":
        _append(path, SECOND)
    return path


def _append(path: str, sizes: Tuple[Size, Size]) -> None:
    """Make a pipeline of the program in a package and another one that reads the same weights."""
    other = path + ".other.mlpackage"
    build(other, sizes, True, ("x", "end"))
    first, second = (
        schema.model_class().FromString(cases.read_bytes(os.path.join(one, MODEL)))
        for one in (path, other)
    )
    assert cases.read_bytes(os.path.join(path, WEIGHTS)) == cases.read_bytes(
        os.path.join(other, WEIGHTS)
    )
    rename(second, "x", "middle")
    made = schema.model_class()(specificationVersion=first.specificationVersion)
    made.description.input.extend(first.description.input)
    made.description.output.extend(second.description.output)
    made.pipeline.models.extend([first, second])
    with open(os.path.join(path, MODEL), "wb") as file:
        file.write(made.SerializeToString())
    shutil.rmtree(other)


def rename(model: Any, old: str, new: str) -> None:
    """Rename the input of a program."""
    function = model.mlProgram.functions["main"]
    for named in (*model.description.input, *function.inputs):
        named.name = new if named.name == old else named.name
    for block in function.block_specializations.values():
        for operation in block.operations:
            for argument in operation.inputs.values():
                for binding in argument.arguments:
                    if binding.name == old:
                        binding.name = new


def copied(name: str) -> Callable[[str], None]:
    """What puts such a package into a folder."""

    def make(folder: str) -> None:
        shutil.copytree(_kept(name), os.path.join(folder, "model.mlpackage"))

    return make


def _twice(folder: str) -> None:
    copied("weights")(folder)
    package = os.path.join(folder, "model.mlpackage")
    shutil.copytree(package, os.path.join(folder, "model-fixed.mlpackage"))


IN_PLACE = (*DECOMPOSE, "--in-place")
_MODEL = os.path.join("model.mlpackage", MODEL)
PLACES: Dict[str, Place] = {
    "weights in place": Place(copied("weights"), IN_PLACE, "model.mlpackage", model=_MODEL),
    "new weights in place": Place(copied("no weights"), IN_PLACE, "model.mlpackage", model=_MODEL),
    "weights of two programs in place": Place(
        copied("pipeline"), IN_PLACE, "model.mlpackage", model=_MODEL
    ),
    "new package with weights": Place(copied("weights"), DECOMPOSE, "model.mlpackage"),
    "over a package with weights": Place(_twice, (*DECOMPOSE, "--force"), "model.mlpackage"),
}
