"""The order in which Keras runs the calls of a functional model, from its configuration.

Source: `_map_graph_network` of Keras 2 and `map_graph` of Keras 3: calls by decreasing depth below
the outputs, those of one depth in the order in which a search from the outputs finished them.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

Call = Tuple[str, int]  # a layer, and which of its calls


class Graph(NamedTuple):
    """`parents` has, for each call of each layer, the calls whose results it reads, in order."""

    parents: Dict[str, List[List[Call]]]
    outputs: List[Call]


class GraphError(Exception):
    """A graph that none of Keras's models has; the text says why."""


def execution_order(graph: Graph) -> List[Call]:
    """All calls on which the outputs depend, in the order in which Keras runs them.

    Raises:
        GraphError: a call reads what is not there, or what it makes itself.
    """
    finished = _finished(graph)
    depths: Dict[Call, int] = {}
    of_layers: Dict[str, int] = {}
    for call in reversed(finished):
        depth = max(depths.setdefault(call, 0), of_layers.get(call[0], 0))
        depths[call] = of_layers[call[0]] = depth
        for parent in graph.parents[call[0]][call[1]]:
            depths[parent] = max(depth + 1, depths.get(parent, 0))
    return sorted(depths, key=lambda call: -depths[call])


def _finished(graph: Graph) -> List[Call]:
    """Calls in the order in which a depth-first search from the outputs leaves them."""
    finished: List[Call] = []
    state: Dict[Call, bool] = {}  # whether it is finished
    for output in graph.outputs:
        waiting: List[Tuple[Call, Iterator[Call]]] = []
        _enter(output, graph, state, waiting)
        while waiting:
            call, parents = waiting[-1]
            parent = next(parents, None)
            if parent is not None:
                _enter(parent, graph, state, waiting)
                continue
            waiting.pop()
            state[call] = True
            finished.append(call)
    return finished


def _enter(call: Call, graph: Graph, state: Dict[Call, bool], waiting: List[Any]) -> None:
    if state.get(call):
        return
    if call in state:
        raise GraphError(f"layer `{call[0]}` reads what it makes itself")
    state[call] = False
    waiting.append((call, iter(_parents(call, graph))))


def _parents(call: Call, graph: Graph) -> Sequence[Call]:
    name, index = call
    calls = graph.parents.get(name, [])
    if not 0 <= index < len(calls):
        raise GraphError(f"call {index} of layer `{name}` is not there")
    return calls[index]
