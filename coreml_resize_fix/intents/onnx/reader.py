"""An ONNX file as a manifest: the intents of its resize nodes (docs/onnx.md).

From opset 11 on, a Resize node has all that PyTorch computed, so exporting twice needs no
manifest: opset 11 or later for the intent, opset 9 for the conversion. Before, a bilinear node has
no `align_corners`: from PyTorch it gives no intent, only a notice.
"""

import re
from dataclasses import replace
from typing import List, Optional, Sequence, Tuple

from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.intents.node_notices import NO_SIZE, LeftOut, NodeIntents, Remarks, left_out
from coreml_resize_fix.intents.onnx import file, meaning, names, shapes, side_by_side
from coreml_resize_fix.intents.onnx.dependencies import output_dependencies
from coreml_resize_fix.intents.onnx.file import Proto
from coreml_resize_fix.intents.onnx.infer import Infer, inference
from coreml_resize_fix.intents.onnx.shapes import ResizeNode

_NO_ALIGN_CORNERS = (
    "{nodes} of opset {opset}, which cannot say whether PyTorch used align_corners, so there is no "
    "intent from {them}; export once more with opset_version=11 or later, or record the intent"
)
_ASYMMETRIC = (
    "{nodes} of opset {opset}, read as ONNX defines it: asymmetric, as in TensorFlow 1; a network "
    "that came from PyTorch needs opset 11 or later, or a recorded intent"
)
_DROPPED_FACTOR = (
    "{nodes} by size, from an exporter that writes a scale_factor as the size that it gives; where "
    "the call had a scale_factor, PyTorch sampled by 1/scale_factor, and a recorded intent says so"
)
_SIDE_BY_SIDE = left_out(
    "tf2onnx changes the order of calls that stand side by side, and their names; pass the frozen "
    "graph (.pb) or the .tflite file instead"
)


def load(path: str) -> NodeIntents:
    """Read the intents of an ONNX file; external weight files are not opened.

    Raises:
        ManifestError: it cannot be read, or is not an ONNX model.
    """
    model = file.read(path)
    with inference() as infer:
        return of(model, infer)


def of(model: Proto, infer: Infer) -> NodeIntents:
    """The intents of a model from `file.read`; `infer` is what `inference()` gives."""
    version = file.opset(model)
    producer = _torch_version(model)
    read: List[Tuple[ResizeNode, Intent]] = []
    remarks = Remarks()
    used = output_dependencies(model.graph)
    for resize in shapes.find(model, version, infer):
        found, texts = _read(resize, version, producer)
        for text in texts:
            remarks.add(text, resize.label)
        if found is not None:
            dead = bool(model.graph.output) and not used & set(resize.node.output)
            read.append((resize, replace(found, used=False if dead else None)))
    if model.producer_name == "tf2onnx":
        doubtful = side_by_side.doubtful(model.graph, read)
        for place in doubtful:
            remarks.add(_SIDE_BY_SIDE, read[place][0].label)
        read = [pair for place, pair in enumerate(read) if place not in doubtful]
    for name in _inside_functions(model):
        remarks.add(left_out("inside local functions, which are not read"), name)
    intents = [replace(intent, index=index) for index, (_, intent) in enumerate(read)]
    return NodeIntents(intents, remarks.notices(opset=version))


def _read(
    resize: ResizeNode, version: int, producer: Optional[str]
) -> Tuple[Optional[Intent], Sequence[str]]:
    """The intent of a node, or None, and the texts of remarks on it.

    `version` is the opset, `producer` PyTorch's version if it wrote the file.
    """
    is_ambiguous = meaning.is_legacy(resize, version) and meaning.is_linear(resize)
    if is_ambiguous and producer is not None:
        return None, [_NO_ALIGN_CORNERS]
    found = meaning.intent_of(resize, version, producer)
    if isinstance(found, LeftOut):
        return None, [left_out(found)]
    doubts = (
        (is_ambiguous, _ASYMMETRIC),
        (producer is not None and _may_drop_factor(resize, found), _DROPPED_FACTOR),
        (found.input_size is None, NO_SIZE),
    )
    name = names.name(resize, producer is not None)
    return replace(found, name=name), [text for holds, text in doubts if holds]


def _may_drop_factor(resize: ResizeNode, intent: Intent) -> bool:
    """Whether the exporter may have written a scale_factor as a size.

    Only the overloads `.vec` of torch.export keep a factor.
    """
    if not names.is_dynamo(resize.node) or intent.size is None:
        return False
    keeps = any(".vec" in text for text in names.metadata(resize.node))
    by_ratio = intent.antialias or not intent.align_corners
    before = intent.input_size
    is_whole = before is not None and not any(n % x for n, x in zip(intent.size, before))
    return by_ratio and not keeps and not is_whole


def _torch_version(model: Proto) -> Optional[str]:
    """PyTorch's version if it wrote the file (1.2 to 1.4 all write "1.3"), else None."""
    if model.producer_name != "pytorch":
        return None
    return "".join(re.findall(r"^\d+\.\d+[\w.+]*", model.producer_version))


def _inside_functions(model: Proto) -> List[str]:
    """Labels of the resize nodes in the local functions of a model."""
    return [
        node.name or node.op_type
        for function in getattr(model, "functions", ())
        for node in function.node
        if node.op_type in ("Resize", "Upsample")
    ]
