"""The ways in for a stranger's ML Program, as `entries` has them for everything else."""

import io
import os
import struct
from typing import Callable, Dict, NamedTuple, Tuple

import numpy as np

from coreml_resize_fix.errors import ResizeFixError
from coreml_resize_fix.formats.features import ARRAY, IMAGE
from coreml_resize_fix.formats.mlprogram import locate, program
from coreml_resize_fix.formats.mlprogram.model import Programs
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.formats.protobuf import splice
from coreml_resize_fix.formats.protobuf.wire import encode_varint
from coreml_resize_fix.verify import network, probes
from coreml_resize_fix.verify.kernels.checks import KernelError
from hardening import mutations, program_mutations
from hardening.running import emptied, limits, run, scratch
from tests.support import build
from tests.support.folders import contents

MODEL = os.path.join("Data", "com.apple.CoreML", "model.mlmodel")
WEIGHTS = os.path.join("Data", "com.apple.CoreML", "weights", "weight.bin")
MANIFEST = ("-m", "{}/intent.json", "--decompose")
# What the command is asked to do with a package and a manifest, `{}` being the folder of both.
OPTIONS: Tuple[Tuple[str, ...], ...] = (
    MANIFEST,
    (*MANIFEST, "--in-place", "--partial"),
    (*MANIFEST, "--partial", "--float32-replacements"),
    (*MANIFEST, "--partial", "--deployment-target", "iOS17", "--rewrite-downscales"),
    (*MANIFEST, "--partial", "--reference", "{}/tensors.npz"),
    (*MANIFEST, "--dry-run", "--report", "{}/report.html", "--reference", "{}/tensors.npz"),
    (*MANIFEST, "--dry-run", "--format", "json"),
    ("--assume", "bilinear,align_corners=true", "--partial", "--reference", "{}/tensors.npz"),
    ("--assume", "bicubic", "--decompose", "--partial"),
    ("--assume", "nearest-exact,scale_factor=1.7", "--decompose", "--partial", "--no-verify"),
    ("--write-manifest", "{}/template.json"),
    ("--format", "json"),
)


def structure(data: bytes) -> str:
    """A model file with a program: read, and edited in every operation."""
    try:
        model = open_bytes(data, "model")
    except ResizeFixError as error:
        assert str(error)
        return "refused"
    if not isinstance(model, Programs):
        return "no program"
    addresses = [
        one.address
        for function in model.program.functions
        for one in program.operations(function.block)
    ]
    # A field of a future version in every operation changes nothing that is known.
    more = encode_varint(9999 << 3) + b"\1"
    try:
        places = locate.operations(
            model.source, locate.whole(model.source), model.program, addresses
        )
    except ResizeFixError as error:
        assert str(error)
        return "cannot be edited"
    assert len(places) == len(addresses), "an operation is not found"
    edits = [splice.Edit(one.node.end, one.node.end, more, one.inside) for one in places.values()]
    target = io.BytesIO()
    splice.write(io.BytesIO(data), len(data), target, splice.patches(edits))
    again = open_bytes(target.getvalue(), "model")
    assert isinstance(again, Programs)
    assert str(again.program) == str(model.program)
    assert str(again.resizes(again.shapes({}))) == str(model.resizes(model.shapes({})))
    return "edited"


class Package(NamedTuple):
    """A row of `OPTIONS`, the manifest's text, recorded tensors, weights, the model's bytes."""

    options: int
    manifest: bytes
    tensors: bytes
    weights: bytes
    model: bytes

    def packed(self) -> bytes:
        """The job as bytes that a fuzzer may change."""
        sizes = len(self.manifest), len(self.tensors), len(self.weights)
        return struct.pack("<BHHH", self.options, *sizes) + b"".join(self[1:])


def unpacked(data: bytes) -> Package:
    """The package that bytes stand for; any bytes are one."""
    options, *sizes = struct.unpack("<BHHH", data[:7].ljust(7, b"\0"))
    at, parts = 7, []
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    return Package(options % len(OPTIONS), parts[0], parts[1], parts[2], data[at:])


def write(folder: str, job: Package) -> str:
    """The package in a folder, with its manifest and tensors beside it; its path."""
    package = build.write_package(folder, job.model)
    for path, content in (
        (os.path.join(package, WEIGHTS), job.weights),
        (os.path.join(folder, "intent.json"), job.manifest),
        (os.path.join(folder, "tensors.npz"), job.tensors),
    ):
        with open(path, "wb") as file:
            file.write(content)
    return package


def whole_command(data: bytes) -> str:
    """The command on a package, a manifest and recorded tensors."""
    job, folder = unpacked(data), emptied()
    package = write(folder, job)
    before = contents(folder)
    options = [option.format(folder) for option in OPTIONS[job.options]]
    code = run(package, *options)
    after = contents(folder)
    changed = {name for name in before if after.get(name) != before[name]}
    assert not changed or ("--in-place" in options and code != 2), changed
    assert not [name for name in after if ".crf-" in name], "left behind"
    fixed = os.path.join(folder, "model-fixed.mlpackage")
    if code == 0 and os.path.exists(fixed):
        again = run(fixed, "--dry-run", *options)
        assert again == 0, "the result does not match its intent"
    return f"exit code {code}"


class Network(NamedTuple):
    """A model file and its weights."""

    weights: bytes
    model: bytes

    def packed(self) -> bytes:
        """Both as bytes that a fuzzer may change."""
        return struct.pack("<H", len(self.weights)) + self.weights + self.model


def network_of(data: bytes) -> Network:
    """The network that bytes stand for; any bytes are one."""
    (size,) = struct.unpack("<H", data[:2].ljust(2, b"\0"))
    return Network(data[2 : 2 + size], data[2 + size :])


def executed(data: bytes) -> str:
    """A network of either kind, run on an example of what it says that it takes."""
    weights, model_file = network_of(data)
    os.makedirs(os.path.join(scratch(), "weights"), exist_ok=True)
    with open(os.path.join(scratch(), "weights", "weight.bin"), "wb") as file:
        file.write(weights)
    try:
        model = open_bytes(model_file, "model", ModelFolder(scratch()))
        ready = model.execution(np.dtype(np.float32))
    except ResizeFixError as error:
        assert str(error)
        return "refused"
    wanted = {}
    for feature in ready.inputs:
        lead = (feature.channels,) if feature.kind == IMAGE else ()
        shape = (*lead, *feature.shape)
        if feature.kind not in (ARRAY, IMAGE) or not 0 < np.prod(shape, dtype=float) < 10_000:
            return "no example"
        wanted[feature.name] = shape, np.dtype(np.float32)
    try:
        inputs = probes.examples(wanted)
    except KernelError as error:
        assert str(error)
        return "no example"
    with limits():
        try:
            made = network.run(ready, inputs)
        except ResizeFixError as error:
            assert str(error)
            return "another input"
    assert made.not_run is None or made.not_run.reason
    return "not run" if made.not_run else "run"


def _changed_structure(data: bytes, seed: int, most: int) -> bytes:
    change = mutations.message if seed % 4 == 0 else program_mutations.program
    return change(data, seed, most)


def _changed_package(data: bytes, seed: int, most: int) -> bytes:
    job, kind = unpacked(data), seed % 20
    if kind < 2:
        job = job._replace(options=seed // 20 % len(OPTIONS))
    elif kind < 5:
        job = job._replace(manifest=mutations.text(job.manifest, seed, 20000))
    elif kind < 7:
        job = job._replace(weights=program_mutations.weights(job.weights, seed))
    elif kind == 7 and job.tensors:
        changed = bytearray(job.tensors)
        changed[seed // 20 % len(changed)] = seed % 251
        job = job._replace(tensors=bytes(changed))
    else:
        job = job._replace(model=_changed_structure(job.model, seed, most))
    return job.packed()


def _changed_network(data: bytes, seed: int, most: int) -> bytes:
    weights, model = network_of(data)
    if seed % 10 == 0:
        weights = program_mutations.weights(weights, seed)
    else:
        model = _changed_structure(model, seed, most)
    return Network(weights, model).packed()


Entry = Callable[[bytes], str]
ENTRIES: Dict[str, Entry] = {
    "program": structure,
    "package": whole_command,
    "execute": executed,
}
MUTATE: Dict[str, Callable[[bytes, int, int], bytes]] = {
    "program": _changed_structure,
    "package": _changed_package,
    "execute": _changed_network,
}
