"""What readers of network files return: intents, and notices on nodes left out or in doubt."""

from typing import Dict, List, NamedTuple, Sequence, Union

from coreml_resize_fix.intents.contradictions import report_contradictions
from coreml_resize_fix.intents.fields import Defects
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.words import count, quoted

_SHOWN = 4  # nodes or layers that a notice names

NO_SIZE = "{nodes} of an input whose size is not known; matching relies on name, order and mode"


class LeftOut(str):
    """The reason why a node has no intent."""


def left_out(reason: str) -> str:
    """The remark on nodes that have no intent."""
    return "{nodes} left out: " + reason.replace("{", "{{").replace("}", "}}")


def consistent(intent: Intent) -> Union[Intent, LeftOut]:
    """The intent of a node, or the first contradiction in what the file says of it."""
    defects: Defects = []
    report_contradictions(vars(intent), "", defects)
    return LeftOut(defects[0][1]) if defects else intent


class NodeIntents(NamedTuple):
    """Intents in order of execution, and notices for the user."""

    intents: List[Intent]
    notices: List[str]


class Remarks:
    """Collects remarks on nodes; those of the same text become one notice that names the nodes."""

    def __init__(self) -> None:
        self._labels: Dict[str, List[str]] = {}

    def add(self, text: str, label: str) -> None:
        """Add a node to the remark `text`, a template with {nodes} and {them}."""
        self._labels.setdefault(text, []).append(label)

    def notices(self, **places: object) -> List[str]:
        """All notices, in the order of their first nodes; `places` fills further fields."""
        return [_fill_template(text, labels, places) for text, labels in self._labels.items()]


def counted(noun: str, names: Sequence[str]) -> str:
    """`2 layers (`a`, `b`)`: how many there are, and the first of them."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{count(len(names), noun)} ({quoted(names[:_SHOWN])}{more})"


def _fill_template(text: str, labels: Sequence[str], places: Dict[str, object]) -> str:
    nodes = counted("resize node", labels)
    return text.format(nodes=nodes, them="it" if len(labels) == 1 else "them", **places)
