"""The calls beside a fixture as intents, and packages to write to."""

import os
import shutil
from dataclasses import replace

from coreml_resize_fix.intents.model import Intent
from tests.formats.mlprogram import files


def intents(name):
    """What PyTorch was asked for, in the order of execution."""
    return [
        Intent(
            name=call["module_path"] or None,
            mode=call["mode"],
            align_corners=bool(call["align_corners"]),
            antialias=call["antialias"],
            size=_pair(call["size"], int),
            scale_factor=_pair(call["scale_factor"], float),
            recompute_scale_factor=call["recompute_scale_factor"],
            input_size=tuple(call["input_hw"]),
            output_size=tuple(call["output_hw"]),
            channels=call["input_shape"][1],
            used=None if call["used"] else False,
            index=index,
        )
        for index, call in enumerate(files.calls(name))
    ]


def with_sizes(name):
    """The same, with what another example made where the size is another tensor's."""
    # A stride of four makes 4×6 of 18×27, too, and the call twice that size.
    more = {"ct9_ex17_range_other_bilF": (((4, 6), (32, 48)), ((4, 6), (36, 54)))}
    return [replace(intent, sizes=more.get(name)) for intent in intents(name)]


def _pair(value, kind):
    if value is None:
        return None
    height, width = value if isinstance(value, list) else (value, value)
    return kind(height), kind(width)


def copied(name, folder):
    """A package of one's own, with a file in it that no converter wrote."""
    path = os.path.join(str(folder), name + ".mlpackage")
    shutil.copytree(str(files.package(name)), path)
    with open(os.path.join(path, "Data", "notes.txt"), "w", encoding="utf-8") as file:
        file.write("mine")
    return path
