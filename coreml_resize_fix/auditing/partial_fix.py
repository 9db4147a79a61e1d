"""Judge the layers of a file that is fixed in part by the inputs that they really get.

An audit judges a layer as if those before it were right. In a partly fixed file some stay wrong,
so that verdict would not hold there: each layer is judged again by its real input.
"""

from dataclasses import replace
from typing import Callable, Dict, List, Sequence, Set, Tuple

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.auditing.findings import FIXABLE, MATCH, Finding
from coreml_resize_fix.formats.model import Network
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.words import quoted, size_text

# The layers of the file after the fixable ones among these findings are fixed.
LayersAfter = Callable[[Sequence[Finding]], Sequence[ResizeLayer]]
# The verdict on a layer; the flag is True if its input has another size than was intended.
Decide = Callable[[ResizeLayer, bool], Finding]


def judge_written(
    networks: Sequence[Network], found: Sequence[Finding], written: LayersAfter, decide: Decide
) -> List[Finding]:
    """The findings by the real input of each layer where only fixable layers are changed."""
    previous, current = found, list(found)
    # The input of a layer depends on earlier layers only: each round settles at least one more.
    for _ in range(len(found) + 1):
        layers = written(current)
        if [finding.layer for finding in current] == list(layers):
            break
        previous = current
        current = [
            finding if finding.layer == layer else decide(layer, _moved(layer, first))
            for finding, layer, first in zip(current, layers, found)
        ]
    else:
        current = least_change(previous, current)
    return _with_remarks(networks, current, [finding.layer for finding in found])


def least_change(one: Sequence[Finding], other: Sequence[Finding]) -> List[Finding]:
    """Of two rounds that alternate without end, the findings that change the least.

    A loop body can cause that: a changed layer makes a size known that contradicts the change.
    """
    return [
        min(pair, key=lambda finding: finding.verdict in (MATCH, FIXABLE))
        for pair in zip(one, other)
    ]


def _moved(layer: ResizeLayer, first: Finding) -> bool:
    """Whether a layer gets another size than the one at which it was judged first."""
    contradicted = first.codes == (Code.CONTRADICTING_SIZES,)
    return not contradicted and _input_of(layer) != _input_of(first.layer)


def _input_of(layer: ResizeLayer) -> Tuple[object, ...]:
    return layer.input.kind, layer.input.samples, layer.input.known_sides


def _with_remarks(
    networks: Sequence[Network], found: Sequence[Finding], right: Sequence[ResizeLayer]
) -> List[Finding]:
    """The findings, with a remark on layers whose input has another size than intended."""
    names = {finding.layer.address: finding.layer.name for finding in found}
    staying = {f.layer.address for f in found if f.verdict not in (MATCH, FIXABLE)}
    wrong = {f.layer.address for f in found if Code.WRONG_SIZE in f.codes} & staying
    before = _before(networks, wrong or staying)
    result = []
    for finding, intended in zip(found, right):
        layer = finding.layer
        if _input_of(layer) != _input_of(intended):
            wrong_before = tuple(names[address] for address in before.get(layer.address, ()))
            message = finding.message + "; " + _remark(layer, intended, wrong_before)
            finding = replace(finding, wrong_before=wrong_before, message=message)
        result.append(finding)
    return result


def _remark(layer: ResizeLayer, intended: ResizeLayer, wrong_before: Sequence[str]) -> str:
    cause = quoted(wrong_before, " and ") or "a layer before it"
    gets, should = layer.input.size, intended.input.size
    what = f"the {size_text(gets)} that it gets" if gets else "the sizes that it gets"
    other = f", where {size_text(should)} is meant" if should else ""
    return (
        f"this holds for {what} as long as {cause} stays as it is{other}: run again when that "
        "is fixed"
    )


def _before(networks: Sequence[Network], wanted: Set[str]) -> Dict[str, Tuple[str, ...]]:
    """By the address of a layer, the wanted layers that its inputs depend on."""
    found: Dict[str, Tuple[str, ...]] = {}
    behind: Dict[str, Tuple[str, ...]] = {}  # blob → the wanted layers it depends on
    for network in networks:
        for node in network.nodes:
            reaching = [address for name in node.inputs for address in behind.get(name, ())]
            before = found[node.address] = tuple(dict.fromkeys(reaching))
            own = (node.address,) if node.address in wanted else ()
            behind.update((name, before + own) for name in node.outputs)
    return found
