"""A TFLite file as a manifest: the intents of its resizes (docs/tensorflow.md)."""

from coreml_resize_fix.intents.node_notices import NodeIntents, Remarks, left_out
from coreml_resize_fix.intents.tensorflow.nodes import read_network
from coreml_resize_fix.intents.tensorflow.ops import may_resize
from coreml_resize_fix.intents.tflite import file
from coreml_resize_fix.intents.tflite.file import FILE, TFLiteModel
from coreml_resize_fix.intents.tflite.flatbuffer import DamagedError

_TOCO = (
    "{nodes} of a file by TOCO, which drops half_pixel_centers: TFLite computes {them} as read, "
    "and where TensorFlow did not, take the frozen graph"
)
_NOT_CALLED = left_out("in a subgraph that the first one does not call")


def load(path: str) -> NodeIntents:
    """Read the intents of a TFLite file.

    Raises:
        ManifestError: it cannot be read, or is no TFLite model.
    """
    try:
        return of(file.read(path))
    except DamagedError as error:
        raise FILE.refusal(path, str(error)) from error


def of(model: TFLiteModel) -> NodeIntents:
    """The intents of the first subgraph, which is the network, and of those that it calls.

    Raises:
        DamagedError: parts of the file make no sense.
    """
    remarks = Remarks()
    found = read_network(model, remarks)
    for intent in found.intents:
        if model.is_by_toco and intent.framework == "tensorflow1" and not intent.align_corners:
            remarks.add(_TOCO, intent.label)
    for index in range(len(model)):
        if index not in model.called:
            for node in model.nodes(index):
                if may_resize(node.kind):
                    remarks.add(_NOT_CALLED, node.name)
    return NodeIntents(found.intents, remarks.notices())
