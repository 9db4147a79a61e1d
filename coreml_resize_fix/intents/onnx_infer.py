"""Shape inference by the onnx package, in a child process where PyTorch would make it crash."""

import subprocess
import sys

from coreml_resize_fix.intents.onnx_file import Proto

# PyTorch brings an ONNX library of its own. Versions that show it to others (1.4 does) end the
# process in the onnx package's shape inference, if they were imported first.
_TORCH_HIDES_ITS_OWN = (1, 8)

_CHILD = """
import sys, onnx
from onnx import shape_inference
model = onnx.load_from_string(sys.stdin.buffer.read())
sys.stdout.buffer.write(shape_inference.infer_shapes(model).SerializeToString())
"""


def inferred(model: Proto) -> Proto:
    """The model with the shapes that can be inferred; they are a help, so a failure is none."""
    try:
        return _in_child(model) if _torch_interferes() else _here(model)
    except Exception:  # which ones the package raises depends on its version
        return model


def _here(model: Proto) -> Proto:
    from onnx import shape_inference

    # Without data_prop: it would fold sizes as we do, but without a limit on their number, so that
    # a file of a few kilobytes could ask for all memory.
    return shape_inference.infer_shapes(model)


def _torch_interferes() -> bool:
    version = str(getattr(sys.modules.get("torch"), "__version__", "")).split(".")
    if len(version) < 2 or not (version[0].isdecimal() and version[1].isdecimal()):
        return False
    imported = list(sys.modules)  # in the order in which the imports began
    is_first = imported.index("torch") < imported.index("onnx")
    return is_first and (int(version[0]), int(version[1])) < _TORCH_HIDES_ITS_OWN


def _in_child(model: Proto) -> Proto:
    child = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=model.SerializeToString(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return type(model).FromString(child.stdout)
