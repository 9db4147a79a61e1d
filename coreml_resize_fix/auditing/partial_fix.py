"""A file that is written in part: what layers really get behind those that stay as they are.

An audit judges a layer as if those before it were right. Where some of them stay wrong, that would
say of the written file what does not hold in it, so each layer is judged again by what it gets.
"""

from dataclasses import replace
from typing import Callable, Dict, List, Sequence, Set, Tuple

from coreml_resize_fix.auditing.findings import FIXABLE, MATCH, Finding
from coreml_resize_fix.auditing.messages import size
from coreml_resize_fix.formats.model import Network
from coreml_resize_fix.formats.resize_layer import ResizeLayer

# The layers of the file with these findings carried out, as far as they can be.
LayersAfter = Callable[[Sequence[Finding]], Sequence[ResizeLayer]]
# The verdict on a layer; the second value tells that it gets another size than it was made for.
Decide = Callable[[ResizeLayer, bool], Finding]

_WRONG_SIZE, _CONTRADICTED = "RSZ102", ("RSZ204",)


def judge_written(
    networks: Sequence[Network], found: Sequence[Finding], written: LayersAfter, decide: Decide
) -> List[Finding]:
    """The findings by what each layer gets where only the fixable ones are changed."""
    previous, current = found, list(found)
    # What a layer gets depends on those before it alone: every round settles one more at least.
    for _ in range(len(found) + 1):
        layers = written(current)
        if [finding.layer for finding in current] == list(layers):
            break
        previous = current
        current = [
            finding
            if finding.layer == layer
            else decide(
                layer, first.codes != _CONTRADICTED and _input_of(layer) != _input_of(first.layer)
            )
            for finding, layer, first in zip(current, layers, found)
        ]
    else:
        current = least_change(previous, current)
    return _with_remarks(networks, current, [finding.layer for finding in found])


def least_change(one: Sequence[Finding], other: Sequence[Finding]) -> List[Finding]:
    """Of two rounds that lead to each other, as a loop may have them: what changes least.

    A layer that makes a size known which speaks against it would be judged anew without end.
    """
    return [
        min(pair, key=lambda finding: finding.verdict in (MATCH, FIXABLE))
        for pair in zip(one, other)
    ]


def _input_of(layer: ResizeLayer) -> Tuple[object, ...]:
    return layer.shape, layer.sizes, layer.partial_size


def _with_remarks(
    networks: Sequence[Network], found: Sequence[Finding], right: Sequence[ResizeLayer]
) -> List[Finding]:
    """The findings, with a remark on those that get another size than they should."""
    names = {finding.layer.address: finding.layer.name for finding in found}
    staying = {f.layer.address for f in found if f.verdict not in (MATCH, FIXABLE)}
    wrong = {f.layer.address for f in found if _WRONG_SIZE in f.codes} & staying
    before = _before(networks, wrong or staying)
    result = []
    for finding, intended in zip(found, right):
        layer = finding.layer
        if _input_of(layer) != _input_of(intended):
            behind = tuple(names[address] for address in before.get(layer.address, ()))
            message = finding.message + "; " + _remark(layer, intended, behind)
            finding = replace(finding, behind=behind, message=message)
        result.append(finding)
    return result


def _remark(layer: ResizeLayer, intended: ResizeLayer, behind: Sequence[str]) -> str:
    cause = " and ".join(f"`{name}`" for name in behind) or "a layer before it"
    gets, should = layer.input_size, intended.input_size
    what = f"the {size(gets)} that it gets" if gets else "the sizes that it gets"
    other = f", where {size(should)} is meant" if should else ""
    return (
        f"this holds for {what} as long as {cause} stays as it is{other}: run again when that "
        "is fixed"
    )


def _before(networks: Sequence[Network], wanted: Set[str]) -> Dict[str, Tuple[str, ...]]:
    """By a layer's address, which of the wanted layers its inputs depend on."""
    found: Dict[str, Tuple[str, ...]] = {}
    behind: Dict[str, Tuple[str, ...]] = {}  # blob → those that it depends on
    for network in networks:
        for node in network.nodes:
            reaching = [address for name in node.inputs for address in behind.get(name, ())]
            before = found[node.address] = tuple(dict.fromkeys(reaching))
            own = (node.address,) if node.address in wanted else ()
            behind.update((name, before + own) for name in node.outputs)
    return found
