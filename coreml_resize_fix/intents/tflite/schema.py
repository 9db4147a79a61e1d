"""The slots of the fields in TFLite's tables, and the few operators that sizes of resizes need.

Source: the public schema of TFLite, version 3; `tests/intents/tensorflow` compares them with the
package `tflite`. Fields are added to the schema at the end, so files of all years have the same
slots.
"""

from typing import Dict, NamedTuple, Optional, Tuple

# table -> field -> slot
MODEL = {"operator_codes": 1, "subgraphs": 2, "description": 3, "buffers": 4}
OPERATOR_CODE = {"deprecated_builtin_code": 0, "custom_code": 1, "builtin_code": 3}
SUBGRAPH = {"tensors": 0, "outputs": 2, "operators": 3}
TENSOR = {"shape": 0, "type": 1, "buffer": 2, "name": 3, "shape_signature": 7}
OPERATOR = {
    "opcode_index": 0,
    "inputs": 1,
    "outputs": 2,
    "builtin_options_type": 3,
    "builtin_options": 4,
    "builtin_options_2_type": 11,
    "builtin_options_2": 12,
}
BUFFER = {"data": 0}


class Options(NamedTuple):
    """The options of an operator: the number of their type, where it is, and slots by flag."""

    kind: int
    slots: Dict[str, Tuple[int, str]]
    field: str = "builtin_options"


_SLICE = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
# number of an operator -> TensorFlow's name of it, its options
OPERATORS: Dict[int, Tuple[str, Optional[Options]]] = {
    23: (
        "ResizeBilinear",
        Options(15, {"align_corners": (2, "?"), "half_pixel_centers": (3, "?")}),
    ),
    97: (
        "ResizeNearestNeighbor",
        Options(74, {"align_corners": (0, "?"), "half_pixel_centers": (1, "?")}),
    ),
    77: ("Shape", None),
    45: ("StridedSlice", Options(32, {name: (k, "i") for k, name in enumerate(_SLICE)})),
    36: ("GatherV2", None),
    65: ("Slice", None),
    83: ("Pack", None),
    2: ("ConcatV2", None),
    53: ("Cast", None),
    18: ("Mul", None),
    0: ("Add", None),
    41: ("Sub", None),
    42: ("RealDiv", None),
    90: ("FloorDiv", None),
    118: ("If", Options(92, {"then": (0, "i"), "else": (1, "i")})),
    119: ("While", Options(93, {"cond": (0, "i"), "body": (1, "i")})),
    31: ("Call", Options(16, {"subgraph": (0, "I")})),
    129: ("CallOnce", Options(103, {"init": (0, "i")})),
    200: ("While", Options(15, {"cond": (0, "i"), "body": (1, "i")}, "builtin_options_2")),
    206: ("Composite", Options(21, {"decomposition": (1, "i")}, "builtin_options_2")),
}
