"""Write small TFLite files by hand, right and wrong, from the public description of FlatBuffers."""

import struct

INT32, FLOAT32, INT8 = 2, 0, 9
CODES = {"bilinear": 23, "nearest": 97, "Shape": 77, "StridedSlice": 45, "Mul": 18, "If": 118}
CODES.update({"While": 119, "Call": 31, "Pack": 83, "Cast": 53, "Composite": 206, "Custom": 32})
CODES.update({"Relu": 19, "TransposeConv": 67})


def write(fields, mark=b"TFL3"):
    """A buffer whose root has fields: slot -> (type, value).

    Types are those of `struct`, or T (fields of a table), L (list of such), M (a list
    of one table so many times: its fields, how many), N (list of int32), C
    (bytes), S (text).
    """
    out = bytearray(4) + mark
    root = _table(out, fields)
    out[:4] = struct.pack("<I", root)
    return bytes(out)


def _table(out, fields):
    _align(out)
    last = max(fields, default=-1)
    places, at = {}, 4
    for slot, (kind, _) in sorted(fields.items()):
        width = struct.calcsize("<" + kind) if kind in "?bBiIQ" else 4
        at = -(-at // width) * width
        places[slot], at = at, at + width
    vtable = len(out)
    out += struct.pack("<HH", 4 + 2 * (last + 1), at)
    out += b"".join(struct.pack("<H", places.get(slot, 0)) for slot in range(last + 1))
    _align(out)
    table = len(out)
    out += struct.pack("<i", table - vtable) + bytes(at - 4)
    for slot, (kind, value) in fields.items():
        here = table + places[slot]
        if kind in "?bBiIQ":
            packed = struct.pack("<" + kind, value)
        else:
            packed = struct.pack("<I", _child(out, kind, value) - here)
        out[here : here + len(packed)] = packed
    return table


def _child(out, kind, value):
    if kind == "T":
        return _table(out, value)
    _align(out)
    begin = len(out)
    if kind == "N":
        out += struct.pack("<I{}i".format(len(value)), len(value), *value)
    elif kind == "M":
        fields, many = value
        out += struct.pack("<I", many) + bytes(4 * many)
        table = _table(out, fields)
        places = range(begin + 4, begin + 4 + 4 * many, 4)
        out[begin + 4 : begin + 4 + 4 * many] = b"".join(
            struct.pack("<I", table - place) for place in places
        )
    elif kind == "L":
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, item in enumerate(value):
            here = begin + 4 + 4 * index
            out[here : here + 4] = struct.pack("<I", _table(out, item) - here)
    else:
        content = value.encode() if isinstance(value, str) else value
        out += struct.pack("<I", len(content)) + content + b"\0"
    return begin


def _align(out):
    out += bytes(-len(out) % 4)


class Model:
    """A model that grows: tensors and nodes of one subgraph after the other."""

    def __init__(self, description="MLIR Converted."):
        self.buffers, self.codes, self.subgraphs = [{}], [], []
        self.description = description
        self.begin()

    def begin(self):
        """Begin another subgraph; its number."""
        self.tensors, self.nodes = [], []
        self.subgraphs.append({0: ("L", self.tensors), 3: ("L", self.nodes)})
        return len(self.subgraphs) - 1

    def tensor(self, name="", shape=(), kind=FLOAT32, data=None, signature=None):
        fields = {0: ("N", shape), 1: ("b", kind), 3: ("S", name)}
        if data is not None:
            self.buffers.append({0: ("C", data)})
            fields[2] = ("I", len(self.buffers) - 1)
        if signature is not None:
            fields[7] = ("N", signature)
        self.tensors.append(fields)
        return len(self.tensors) - 1

    def numbers(self, *values):
        """A constant of int32; one number is a scalar only with `scalar`."""
        return self.tensor(
            "", (len(values),), INT32, struct.pack("<{}i".format(len(values)), *values)
        )

    def node(self, kind, inputs, outputs, options=None, option_type=0, custom="", second=None):
        number = CODES.get(kind, kind)
        self.codes.append({0: ("b", min(number, 127)), 1: ("S", custom), 3: ("i", number)})
        fields = {0: ("I", len(self.codes) - 1), 1: ("N", inputs), 2: ("N", outputs)}
        if options is not None:
            fields.update({3: ("B", option_type), 4: ("T", options)})
        if second is not None:
            fields.update({11: ("B", 21), 12: ("T", second)})
        self.nodes.append(fields)

    def resize(self, mode, image, size, output, corners=False, half=False):
        """A resize with the options that its converter writes."""
        first, kind = (2, 15) if mode == "bilinear" else (0, 74)
        flags = {first: ("?", corners), first + 1: ("?", half)}
        self.node(mode, [image, size], [output], flags, kind)

    def outputs(self, *numbers):
        self.subgraphs[-1][2] = ("N", numbers)

    def fields(self):
        return {
            0: ("I", 3),
            1: ("L", self.codes),
            2: ("L", self.subgraphs),
            3: ("S", self.description),
            4: ("L", self.buffers),
        }

    def written(self):
        return write(self.fields())
