"""What a stranger could do to a message or to a manifest, as a table of small changes.

Every change gets a `random.Random` and the tree, and changes the tree.
"""

import copy
import json
import random
from typing import Any, Callable, Dict, List, Tuple

from hardening import trees
from hardening.trees import GROUP_END, GROUP_START, LENGTH, VARINT, Node

Place = Tuple[List[Node], int]
Change = Callable[[random.Random, List[Node], Place], None]

NUMBERS = (0, 1, 2, 3, 7, 127, 128, 255, 16384, 2**16, 2**20 + 1, 2**27, 2**31 - 1, 2**31, 2**32)
NUMBERS += (2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**69)
TEXTS = (b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"a/b", b"\x1b[31m", b"x" * 300, b"\n", b"29")
TEXTS += ("\N{LEFT-TO-RIGHT OVERRIDE}é".encode(), b"`|<script>&", b"__resize_1")
# Model types, pipelines, layers of all kinds, branch and loop, custom layers, updatable models.
FIELDS = (1, 2, 3, 4, 5, 10, 200, 202, 303, 403, 500, 502, 555, 100, 120, 130, 160, 210, 211, 215)
FIELDS += (250, 320, 500, 600, 605, 615, 620, 700, 1000, 1500, 2**29 - 1)


def _drop(rng: random.Random, nodes: List[Node], place: Place) -> None:
    del place[0][place[1]]


def _double(rng: random.Random, nodes: List[Node], place: Place) -> None:
    place[0].insert(place[1], place[0][place[1]].copy())


def _many(rng: random.Random, nodes: List[Node], place: Place) -> None:
    node = place[0][place[1]]
    if len(trees.written([node])) < 200:
        place[0][place[1] : place[1]] = [node.copy() for _ in range(rng.choice((4, 20, 200)))]


def _swap(rng: random.Random, nodes: List[Node], place: Place) -> None:
    other = rng.choice(list(trees.walk(nodes)))
    one, two = place[0][place[1]].copy(), other[0][other[1]].copy()
    one.number, two.number = two.number, one.number
    place[0][place[1]], other[0][other[1]] = two, one


def _share(rng: random.Random, nodes: List[Node], place: Place) -> None:
    """Give a field the text of another one: equal blob and layer names, cycles of blobs."""
    texts = [held[at].value for held, at in trees.walk(nodes) if type(held[at].value) is bytes]
    if texts and type(place[0][place[1]].value) is bytes:
        place[0][place[1]].value = rng.choice(texts)


def _value(rng: random.Random, nodes: List[Node], place: Place) -> None:
    node = place[0][place[1]]
    if node.kind == VARINT:
        node.value = rng.choice(NUMBERS)
    elif node.kind == LENGTH:
        packed = b"".join(trees.varint(rng.choice(NUMBERS)) for _ in range(rng.randint(1, 5)))
        node.value = rng.choice((*TEXTS, packed, packed))
    else:
        width = 8 if node.kind == trees.FIXED64 else 4
        node.value = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80", bytes([rng.randrange(256)])))
        node.value *= width


def _number(rng: random.Random, nodes: List[Node], place: Place) -> None:
    place[0][place[1]].number = rng.choice(FIELDS)


def _length(rng: random.Random, nodes: List[Node], place: Place) -> None:
    place[0][place[1]].excess = rng.choice((-1, 1, 2, 100, 2**31, 2**32, 2**63, -(2**20)))


def _pad(rng: random.Random, nodes: List[Node], place: Place) -> None:
    place[0][place[1]].padding = rng.choice((1, 2, 8, 12))


def _group(rng: random.Random, nodes: List[Node], place: Place) -> None:
    kind = rng.choice((GROUP_START, GROUP_END, 6, 7))
    place[0].insert(place[1], Node(rng.choice(FIELDS), kind, b""))


def _nest(rng: random.Random, nodes: List[Node], place: Place) -> None:
    """The message inside of itself, again and again."""
    node = place[0][place[1]]
    for _ in range(rng.choice((1, 2, 10, 70, 200))):
        node = Node(node.number, LENGTH, [node])
    place[0][place[1]] = node


def _move(rng: random.Random, nodes: List[Node], place: Place) -> None:
    other = rng.choice(list(trees.walk(nodes)))
    other[0].insert(other[1], place[0][place[1]].copy())


def _unknown(rng: random.Random, nodes: List[Node], place: Place) -> None:
    place[0].insert(place[1], Node(rng.choice(FIELDS), VARINT, rng.choice(NUMBERS)))


def _packed(rng: random.Random, nodes: List[Node], place: Place) -> None:
    """Change one number of a packed list: scaling factors, target sizes, shapes."""
    node = place[0][place[1]]
    if type(node.value) is bytes and 0 < len(node.value) < 24:
        at = rng.randrange(len(node.value))
        more = trees.varint(rng.choice(NUMBERS))
        node.value = node.value[:at] + more + node.value[at + 1 :]


def _cut(rng: random.Random, nodes: List[Node], place: Place) -> None:
    node = place[0][place[1]]
    if type(node.value) is bytes and node.value:
        node.value = node.value[: rng.randrange(len(node.value))]


MESSAGE: Dict[str, Change] = {
    "drop a field": _drop,
    "double a field": _double,
    "double a field many times": _many,
    "swap two fields": _swap,
    "share a text": _share,
    "set a value": _value,
    "change a field's number": _number,
    "lie about a length": _length,
    "write a number too long": _pad,
    "open or close a group": _group,
    "nest a field in itself": _nest,
    "put a field elsewhere too": _move,
    "add an unknown field": _unknown,
    "change a packed number": _packed,
    "cut a text": _cut,
}


def message(data: bytes, seed: int, most: int) -> bytes:
    """A message with one to four changes; what is not a message any more comes back as it is."""
    rng = random.Random(seed)
    nodes = trees.read(data)
    if not nodes:
        return data
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(trees.walk(nodes))
        if not places:
            break
        MESSAGE[rng.choice(list(MESSAGE))](rng, nodes, rng.choice(places))
    result = trees.written(nodes)
    return result if len(result) <= most else data


VALUES: Tuple[Any, ...] = (None, True, False, 0, 1, 2, -1, 65536, 65537, 2**31, 2**63, 10**400, 1.5)
VALUES += (1e-320, 1e308, float("nan"), float("inf"), "", "29", "\ud800", "\0", "a" * 300, [], {})
VALUES += ([1, 1], [12, 16], [65536, 65536], [0.5, 0.5], [2.5, 2.5], "bilinear", "nearest")
VALUES += ("bicubic", "area", "nearest-exact", "onnx", "torch", "pytorch_half_pixel", "1.4.0")
KEYS = ("mode", "align_corners", "size", "scale_factor", "input_size", "output_size", "layer")
KEYS += ("name", "channels", "antialias", "recompute_scale_factor", "resizes", "producer")
KEYS += ("format", "version", "framework", "coordinate_transformation_mode", "nearest_mode", "x")


def text(data: bytes, seed: int, most: int) -> bytes:
    """The bytes of a manifest, changed as `document` does."""
    made = document(data.decode("utf-8", "replace"), seed).encode("utf-8", "replace")
    return made if len(made) <= most else data


def document(text: str, seed: int) -> str:
    """The text of a manifest with one to four changes, still JSON but for texts cut or doubled."""
    rng = random.Random(seed)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    holder = [value]
    try:
        for _ in range(rng.choice((1, 1, 2, 4))):
            _change(rng, holder)
        made = json.dumps(holder[0])
    except (ValueError, RecursionError):
        return text
    if rng.random() < 0.02:
        made = made.replace(":", ":[" * rng.choice((1, 50, 3000)), 1)
    if rng.random() < 0.02:
        made = made.replace("{", '{"size": [1, 1], "size": 3, ', 1)
    return made


def _change(rng: random.Random, holder: List[Any]) -> None:
    places = list(_places(holder))
    box, key = rng.choice(places)
    action = rng.randrange(6)
    if isinstance(box[key], dict) and action < 2:
        box[key][rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
    elif isinstance(box[key], list) and action < 2:
        more = rng.choice(places)
        box[key].append(copy.deepcopy(more[0][more[1]]))
    elif action == 2 and box is not holder:
        del box[key]
    else:
        box[key] = copy.deepcopy(rng.choice(VALUES))


def _places(box: Any) -> Any:
    for key in list(box) if isinstance(box, dict) else range(len(box)):
        yield box, key
        if isinstance(box[key], (dict, list)):
            yield from _places(box[key])


def flatbuffer(data: bytes, seed: int, most: int) -> bytes:
    """A flatbuffer with one to four changes to its offsets, lengths, numbers and texts."""
    rng, changed = random.Random(seed), bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if len(changed) < 16:
            break
        at = rng.randrange(len(changed) - 8)
        word = at // 4 * 4
        kind = rng.randrange(7)
        if kind == 0:  # an offset, a length, an index
            number = rng.choice((*NUMBERS, len(changed), len(changed) - word, rng.randrange(400)))
            changed[word : word + 4] = (number % 2**32).to_bytes(4, "little")
        elif kind == 1:  # a place in a vtable, a truth value, a type
            changed[at // 2 * 2 : at // 2 * 2 + 2] = rng.choice(NUMBERS[:9]).to_bytes(4, "little")[
                :2
            ]
        elif kind == 2:
            changed[at] = rng.choice((0, 1, 2, 15, 23, 32, 74, 97, 118, 119, 127, 128, 206, 255))
        elif kind == 3:  # the same table or list in two places
            other = rng.randrange(len(changed) - 8) // 4 * 4
            offset = int.from_bytes(changed[other : other + 4], "little") + other - word
            changed[word : word + 4] = (offset % 2**32).to_bytes(4, "little")
        elif kind == 4:
            text = rng.choice(TEXTS)[:8]
            changed[at : at + len(text)] = text
        elif kind == 5:
            changed[at : at + 1] = bytes(rng.choice((0, 4, 8)))
        else:
            del changed[rng.randrange(8, len(changed)) :]
    return bytes(changed) if len(changed) <= most else data
