"""The ways in for a stranger's bytes, each with what must hold whatever the bytes are.

Every entry takes bytes and returns in a word how that ended. A broken promise is an
AssertionError, and any other error but a refusal of the package is one, too.
"""

import io
import json
import os
import struct
import zipfile
from typing import Callable, Dict, List, NamedTuple, Tuple

from coreml_resize_fix.errors import ManifestError, ModelError
from coreml_resize_fix.formats.neuralnetwork import layers as walk
from coreml_resize_fix.formats.protobuf import skeleton, splice
from coreml_resize_fix.formats.protobuf.wire import Source, encode_varint
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.intents.frozen_graph import reader as graph_reader
from coreml_resize_fix.intents.keras import reader as keras_reader
from coreml_resize_fix.intents.node_notices import NodeIntents
from coreml_resize_fix.intents.onnx import file as onnx_files
from coreml_resize_fix.intents.onnx import reader as onnx_reader
from coreml_resize_fix.intents.source import Manifest
from coreml_resize_fix.intents.tflite import reader as tflite_reader
from hardening import inference, mutations, program_entries
from hardening.running import emptied, run, scratch
from tests.support import cases

Entry = Callable[[bytes], str]

# What the command is asked to do with a model and a manifest, `{}` being the folder of both.
OPTIONS: Tuple[Tuple[str, ...], ...] = (
    ("-m", "{}/intent.json"),
    ("-m", "{}/intent.json", "--dry-run"),
    ("-m", "{}/intent.json", "--decompose", "--partial"),
    ("-m", "{}/intent.json", "--in-place", "--partial"),
    ("-m", "{}/intent.json", "--dry-run", "--format", "json"),
    ("-m", "{}/intent.json", "--dry-run", "--format", "markdown"),
    ("-m", "{}/intent.json", "--dry-run", "--report", "{}/report.html"),
    ("-m", "{}/intent.json", "--decompose", "--deployment-target", "iOS14"),
    ("-m", "{}/intent.json", "--deployment-target", "iOS12", "--partial"),
    ("--assume", "bilinear,align_corners=true", "--partial"),
    ("--assume", "bilinear,align_corners=false", "--decompose"),
    ("--assume", "nearest,scale_factor=1.5", "--decompose", "--partial"),
    (),
    ("--format", "json"),
    ("--write-manifest", "{}/template.json"),
    ("-m", "{}/intent.json", "--no-verify", "-o", "{}/out.mlmodel", "--partial"),
)


def wire(data: bytes) -> str:
    """A model file: read, and edited in every layer."""
    try:
        models = walk.models(skeleton.read(Source(data)))
    except ModelError as error:
        assert str(error)
        return "refused"
    layers = [layer for model in models for layer in model.layers]
    if not layers:
        return "no layer"
    # A field of a future version in every layer changes nothing that is known.
    more = encode_varint(9999 << 3) + b"\1"
    edits = [
        splice.Edit(layer.node.end, layer.node.end, more, (*layer.path, layer.node))
        for layer in layers
    ]
    target = io.BytesIO()
    splice.write(io.BytesIO(data), len(data), target, splice.patches(edits))
    result = target.getvalue()
    again = walk.models(skeleton.read(Source(result)))
    assert [seen(model) for model in again] == [seen(model) for model in models]
    return "edited"


def seen(model: walk.ModelRef) -> List[Tuple[object, ...]]:
    """What is known of a model's layers."""
    return [(ref.address, ref.kind, ref.message.name) for ref in model.layers]


def json_manifest(data: bytes) -> str:
    """The text of a manifest: read, written in the long form, and read again."""
    try:
        intents = manifest.parse(data.decode("utf-8", "replace"))
    except ManifestError as error:
        assert str(error) and error.hint
        return "refused"
    for intent in intents:
        assert str(intent)
    again = manifest.parse(json.dumps(Manifest(intents).document()))
    assert [intent.request for intent in again] == [intent.request for intent in intents]
    return "read"


def onnx_file(data: bytes) -> str:
    """An ONNX file as a manifest."""
    return _network_file(
        "model.onnx", data, lambda path: onnx_reader.of(onnx_files.read(path), inference.infer)
    )


def tflite_file(data: bytes) -> str:
    """A TFLite file as a manifest."""
    return _network_file("model.tflite", data, tflite_reader.load)


def graph_file(data: bytes) -> str:
    """A frozen graph as a manifest."""
    return _network_file("model.pb", data, graph_reader.load)


def keras_config(data: bytes) -> str:
    """The configuration of a saved Keras model as a manifest."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("config.json", data)
        file.writestr("metadata.json", b'{"keras_version": "%d.12.0"}' % (2 + len(data) % 2))
    return _network_file("model.keras", archive.getvalue(), keras_reader.load)


def _network_file(name: str, data: bytes, read: Callable[[str], NodeIntents]) -> str:
    path = os.path.join(scratch(), name)
    with open(path, "wb") as file:
        file.write(data)
    try:
        found = read(path)
    except ManifestError as error:
        assert str(error) and error.hint
        return "refused"
    document = json.dumps(Manifest(found.intents).document())
    assert len(manifest.parse(document)) == len(found.intents)
    for intent in found.intents:
        assert str(intent)
    return "read" if found.intents else "no intent"


class Job(NamedTuple):
    """A run of the command: a row of `OPTIONS`, the manifest's text, the model's bytes."""

    options: int
    manifest: bytes
    model: bytes

    def packed(self) -> bytes:
        """The job as bytes that a fuzzer may change."""
        return struct.pack("<BH", self.options, len(self.manifest)) + self.manifest + self.model


def unpacked(data: bytes) -> Job:
    """The job that bytes stand for; any bytes are one."""
    options, length = struct.unpack("<BH", data[:3].ljust(3, b"\0"))
    return Job(options % len(OPTIONS), data[3 : 3 + length], data[3 + length :])


def whole_command(data: bytes) -> str:
    """The command on a model and a manifest."""
    job, folder = unpacked(data), emptied()
    model, intent = os.path.join(folder, "model.mlmodel"), os.path.join(folder, "intent.json")
    for path, content in ((model, job.model), (intent, job.manifest)):
        with open(path, "wb") as file:
            file.write(content)
    code = run(model, *(option.format(folder) for option in OPTIONS[job.options]))
    in_place = "--in-place" in OPTIONS[job.options]
    assert (in_place and code != 2) or cases.read_bytes(model) == job.model, "the input was changed"
    assert not [name for name in os.listdir(folder) if name.startswith(".")], "left behind"
    fixed = os.path.join(folder, "model-fixed.mlmodel")
    if code == 0 and os.path.exists(fixed):
        again = [option.format(folder) for option in OPTIONS[job.options]]
        assert run(fixed, "--dry-run", *again) == 0, "the result does not match its intent"
    return "exit code {}".format(code)


def _changed_job(data: bytes, seed: int, most: int) -> bytes:
    job = unpacked(data)
    if seed % 10 == 0:
        job = job._replace(options=seed // 10 % len(OPTIONS))
    elif seed % 10 < 4:
        job = job._replace(manifest=mutations.text(job.manifest, seed, 60000))
    else:
        job = job._replace(model=mutations.message(job.model, seed, most))
    return job.packed()


ENTRIES: Dict[str, Entry] = {
    "wire": wire,
    "manifest": json_manifest,
    "onnx": onnx_file,
    "tflite": tflite_file,
    "graph": graph_file,
    "keras": keras_config,
    "command": whole_command,
    **program_entries.ENTRIES,
}
# How the bytes of each entry are changed with their structure in mind.
MUTATE: Dict[str, Callable[[bytes, int, int], bytes]] = {
    "wire": mutations.message,
    "manifest": mutations.text,
    "onnx": mutations.message,
    "tflite": mutations.flatbuffer,
    "graph": mutations.message,
    "keras": mutations.text,
    "command": _changed_job,
    **program_entries.MUTATE,
}
