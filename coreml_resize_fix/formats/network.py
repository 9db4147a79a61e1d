"""A network as a graph: nodes that read and make blobs, in any kind of model."""

from typing import Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple


class Node(NamedTuple):
    """A layer or an operation: its address, the names of what it reads and makes, and its kind.

    The kind is the format's own word (`reshape`, `reshapeStatic`).
    """

    address: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    kind: str = ""


class Network(NamedTuple):
    """One network in order of execution; `unreached` are inputs on which no output depends."""

    prefix: str
    nodes: Sequence[Node]
    inputs: Sequence[str]
    outputs: Sequence[str]
    unreached: Sequence[str]


def unreached(
    inputs: Sequence[str],
    outputs: Sequence[str],
    steps: Iterable[Tuple[Sequence[str], Sequence[str]]],
) -> List[str]:
    """Names of the inputs on which none of the outputs depends, whatever is in them.

    `steps` are the names of what is read, and of what is made of it.
    """
    sources: Dict[str, Set[str]] = {}
    for read, made in steps:
        for name in made:
            sources.setdefault(name, set()).update(read)
    waiting, reached = list(outputs), set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(sources.get(name, ()))
    return [name for name in inputs if name not in reached]
