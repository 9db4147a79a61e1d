"""A TFLite file as nodes in order of execution.

Weights are not read, nor buffers outside of the flatbuffer.
"""

import struct
from typing import Any, Dict, Hashable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from coreml_resize_fix.intents.network_file import NetworkFile, is_tflite
from coreml_resize_fix.intents.tensorflow.nodes import Network, Node, Tensor
from coreml_resize_fix.intents.tensorflow.ops import MODES, may_resize
from coreml_resize_fix.intents.tensorflow.sizes import MOST_ELEMENTS, Value
from coreml_resize_fix.intents.tflite import flatbuffer
from coreml_resize_fix.intents.tflite.flatbuffer import DamagedError, Table, Tables
from coreml_resize_fix.intents.tflite.schema import (
    BUFFER,
    MODEL,
    OPERATOR,
    OPERATOR_CODE,
    OPERATORS,
    SUBGRAPH,
    TENSOR,
    Options,
)

FILE = NetworkFile(
    "a TFLite model", ".tflite", "pass a file that tf.lite.TFLiteConverter or a later one wrote"
)
MOST_NODES = 100000  # of all runs of all subgraphs together
_DEEPEST = 64  # calls of subgraphs in one another

_CUSTOM = 32
_CALLS = ("If", "While", "Call", "CallOnce", "Composite")

# number of a type -> of its elements as `struct` has them
_CODES = (("deprecated_builtin_code", "b"), ("builtin_code", "i"))
_NUMBERS = {0: "f", 2: "i", 4: "q"}
_QUANTIZED = (3, 7, 9, 17)  # uint8, int16, int8, int4


class _Subgraph(NamedTuple):
    tensors: Tables
    outputs: Tuple[int, ...]
    operators: List[Table]


class TFLiteModel(Network):
    """A TFLite file as a network; the key of a tensor is (subgraph, number in it)."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        root = flatbuffer.root(data)
        self._subgraph_tables = root.tables(MODEL["subgraphs"])
        if not len(self._subgraph_tables):
            raise DamagedError("it has no subgraph")
        self._buffers = root.tables(MODEL["buffers"])
        self.is_by_toco = root.text(MODEL["description"]).startswith("TOCO")
        self._kinds = [_kind(code) for code in root.tables(MODEL["operator_codes"]).all()]
        self._subgraphs: Dict[int, _Subgraph] = {}
        self._left = MOST_NODES
        self.called: Set[int] = set()

    def __len__(self) -> int:
        return len(self._subgraph_tables)

    def nodes(self, index: int = 0) -> Iterator[Node]:
        """Nodes in order of execution, those of a called subgraph where it is called.

        Of a branch the first is that of `then`, of a loop its condition, then one round.
        """
        return self._nodes(index, True, ())

    def tensor(self, key: Any) -> Tensor:
        """What the file says of a tensor."""
        if key not in self.tensors:
            self.tensors[key] = self._read_tensor(*key)
        return self.tensors[key]

    def _nodes(self, index: int, used: bool, callers: Tuple[int, ...]) -> Iterator[Node]:
        if index in callers or len(callers) > _DEEPEST:
            raise DamagedError("its subgraphs call themselves")
        self.called.add(index)
        subgraph = self._subgraph(index)
        self._left -= len(subgraph.operators) + len(subgraph.outputs) + 1
        if self._left < 0:
            raise DamagedError(f"its subgraphs run more than {MOST_NODES} nodes")
        operations = [self._operation(index, table) for table in subgraph.operators]
        needed = _needed(operations, {(index, k) for k in subgraph.outputs})
        is_known = bool(subgraph.outputs)
        for node, callees in operations:
            is_used = used and (not is_known or not node.outputs or bool(needed & {*node.outputs}))
            seen = False
            for callee in callees:
                for inner in self._nodes(callee, is_used, (*callers, index)):
                    seen = seen or inner.kind in MODES
                    yield inner
            if not (callees and seen):  # a composite is known by what it is made of
                yield node._replace(used=None if is_used else False)

    def _subgraph(self, index: int) -> _Subgraph:
        if index not in self._subgraphs:
            table = self._subgraph_tables[index]
            self._subgraphs[index] = _Subgraph(
                table.tables(SUBGRAPH["tensors"]),
                table.numbers(SUBGRAPH["outputs"]),
                table.tables(SUBGRAPH["operators"]).all(),
            )
        return self._subgraphs[index]

    def _operation(self, index: int, table: Table) -> Tuple[Node, List[int]]:
        """A node, and the indices of the subgraphs that it calls, in order."""
        number = table.number(OPERATOR["opcode_index"], "I")
        if number >= len(self._kinds):
            raise DamagedError(f"it names operator {number} of {len(self._kinds)}")
        kind, options = self._kinds[number]
        stored = None
        # TFLite takes options of another operator for none, too.
        if options and table.number(OPERATOR[f"{options.field}_type"], "B") == options.kind:
            stored = table.table(OPERATOR[options.field])
        flags: Dict[str, Any] = {}
        if options and stored:
            flags = {name: stored.number(*place) for name, place in options.slots.items()}
        callees = list(flags.values()) if kind in _CALLS else []
        if kind == "Composite" and stored:
            kind = f"composite {stored.text(0)}"
        outputs = [(index, k) for k in table.numbers(OPERATOR["outputs"])]
        inputs = [(index, k) for k in table.numbers(OPERATOR["inputs"])]
        if kind == "Cast" and outputs:
            flags["to_float"] = self._table(*outputs[0]).number(TENSOR["type"], "b") == 0
        name = self._name(outputs[0]) if outputs and may_resize(kind) else ""
        return Node(kind, name, inputs, outputs, flags), callees

    def _table(self, subgraph: int, number: int) -> Table:
        return self._subgraph(subgraph).tensors[number]

    def _name(self, key: Tuple[int, int]) -> str:
        """The name of a tensor; where nodes were fused, it has the names of all of them."""
        name = self._table(*key).text(TENSOR["name"])
        return next((part for part in name.split(";") if may_resize(part)), name)

    def _read_tensor(self, subgraph: int, number: int) -> Tensor:
        if number == -1:  # an input that is left out
            return Tensor()
        table = self._table(subgraph, number)
        shape = table.numbers(TENSOR["shape"])
        signature = table.numbers(TENSOR["shape_signature"])
        if len(shape) > MOST_ELEMENTS:
            shape = ()
        sides = signature if len(signature) == len(shape) else shape
        kind = table.number(TENSOR["type"], "b")
        return Tensor(
            # A shape without sides is that of a scalar, or it is not known.
            tuple(n if n > 0 else None for n in sides) or None,
            self._constant(table.number(TENSOR["buffer"], "I"), kind, shape),
            kind in _QUANTIZED,
        )

    def _constant(self, buffer: int, kind: int, shape: Tuple[int, ...]) -> Optional[Value]:
        """The numbers of a small constant; buffer 0 is that of tensors which are computed."""
        if not buffer or kind not in _NUMBERS or len(shape) > 1:
            return None
        code = _NUMBERS[kind]
        width = struct.calcsize(f"<{code}")
        data = self._buffers[buffer].content(BUFFER["data"], MOST_ELEMENTS * width)
        if not data or len(data) != width * (shape[0] if shape else 1):
            return None
        numbers = struct.unpack(f"<{len(data) // width}{code}", data)
        return Value(numbers, bool(shape), kind == 0)


def _kind(code: Table) -> Tuple[str, Optional[Options]]:
    """TensorFlow's name of an operator, and its options; the larger of two fields is its number."""
    numbers = (code.number(OPERATOR_CODE[name], of) for name, of in _CODES)
    number = max(numbers)
    if number == _CUSTOM:
        return f"custom {code.text(OPERATOR_CODE['custom_code'])}", None
    return OPERATORS.get(number, (f"operator {number}", None))


def _needed(operations: Sequence[Tuple[Node, Any]], outputs: Set[Hashable]) -> Set[Hashable]:
    """Keys of all tensors that the outputs depend on; `operations` are in order of execution."""
    found = set(outputs)
    for node, _ in reversed(operations):
        if found & {*node.outputs}:
            found.update(node.inputs)
    return found


def read(path: str) -> TFLiteModel:
    """Open a TFLite file.

    Raises:
        ManifestError: it cannot be read, or is none.
        DamagedError: from the model's methods, too, where its parts make no sense.
    """
    data = FILE.bytes_of(path)
    if not is_tflite(data):
        raise FILE.refusal(path, "its mark `TFL3` is missing: is it complete?")
    return TFLiteModel(data)
