"""Name a resize node as in the other export, the one that the Core ML model came from.

The file is not the one that was converted, so only names that two exports share are used:

| written by | node | name |
|---|---|---|
| PyTorch 1.13 and later | `/decoder.0/up/Resize` | `decoder.0.up`, the module's path |
| the same, in no module | `/Resize_1` | – (it counts the resizes in no module) |
| PyTorch 1.5 to 1.12 | `Resize_25` | – (counts *all* nodes, and opset 11 has more than opset 9) |
| PyTorch 1.1 to 1.4 | none; output `57` | – (counts all values) |
| torch.export | `node_upsample_bilinear2d_1` | the module's path (metadata), or its value |
| other exporters | any | the node's name, or its output's |

A resize that is a named output of the network (`output_names=["mask"]`) keeps that name where
there is no module path. Without a name, an intent is matched by order and evidence.
"""

import re
from typing import Any, List, Optional

from coreml_resize_fix.intents.onnx.shapes import ResizeNode

_SCOPES = "pkg.torch.onnx.name_scopes"
_COUNTED = re.compile(r"\d+|onnx::.*|input\.\d+")


def name(resize: ResizeNode, from_torch: bool) -> Optional[str]:
    """The name of the intent; None if the file has none that holds for another export."""
    node = resize.node
    output = node.output[0] if node.output else ""
    if not from_torch:
        return node.name or output or None
    is_output = any(output == value.name for value in resize.graph.output)
    is_exported = is_dynamo(node) or (is_output and not _COUNTED.fullmatch(output))
    return _scoped(node) or module_path(node.name) or (output if is_exported else "") or None


def module_path(node_name: str) -> str:
    """`/decoder.0/up/Resize` is `decoder.0.up`; a part that begins with the part before it and a
    dot replaces it: `/head/head.1/Resize` is `head.1`. Empty if the name has no scopes."""
    path: List[str] = []
    for part in node_name.strip("/").split("/")[:-1] if node_name.startswith("/") else ():
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


def is_dynamo(node: Any) -> bool:
    """Whether torch.export wrote the node; an older onnx package does not show the metadata."""
    return bool(metadata(node)) or node.name.startswith("node_")


def metadata(node: Any) -> List[str]:
    """What torch.export wrote about a node, as `key=value`."""
    pairs = ((entry.key, entry.value) for entry in getattr(node, "metadata_props", ()))
    return [f"{key}={value}" for key, value in pairs if key.startswith("pkg.torch.onnx")]


def _scoped(node: Any) -> str:
    """The path of the module that made the call: the last scope but one, which is the call's."""
    for entry in metadata(node):
        key, _, scopes = entry.partition("=")
        if key == _SCOPES:
            return "".join(re.findall(r"'([^']*)'", scopes)[-2:-1])
    return ""
