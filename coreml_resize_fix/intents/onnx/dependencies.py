"""Find the values on which the outputs of an ONNX model depend: converters drop all others."""

from typing import Set

from coreml_resize_fix.intents.onnx.file import Proto, bodies


def output_dependencies(graph: Proto) -> Set[str]:
    """Names of all values that the outputs of a graph depend on, also in bodies of nodes.

    ONNX requires nodes in order of execution, so one pass from the end finds them.
    """
    found = {value.name for value in graph.output}
    for node in reversed(graph.node):
        if node.output and not found & set(node.output):
            continue
        found.update(node.input)
        for body in bodies(node):
            found |= output_dependencies(body)
    return found
