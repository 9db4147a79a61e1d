"""Try whether a network runs at single sizes of an input; each size is tried once."""

from typing import Dict, Iterator, Optional, Tuple

from coreml_resize_fix.formats.inference.call import Blob
from coreml_resize_fix.formats.inference.inputs import Samples, Varied
from coreml_resize_fix.formats.shapes import Conflict, Size


class Trials:
    """The tried sizes of one input; a kind of network says by `conflict` how one is tried."""

    def __init__(self, samples: Samples, lead: Varied) -> None:
        self._default = samples.shapes[0]
        self._others = [item for item in samples.varied if item.name != lead.name]
        self._lead = lead
        self.found: Dict[Size, Optional[Conflict]] = {}

    def conflict(self, inputs: Dict[str, Blob]) -> Optional[Conflict]:
        """The first conflict of the network at these inputs; None if it runs."""
        raise NotImplementedError

    def run(self, size: Size) -> bool:
        """Whether the network runs at this size, with some allowed size of the other inputs."""
        if size not in self.found:
            conflict = None
            for inputs in self._inputs(size):
                conflict = self.conflict(inputs)
                if conflict is None:
                    break
            self.found[size] = conflict
        return self.found[size] is None

    @property
    def running(self) -> Tuple[Size, ...]:
        return tuple(sorted(size for size, conflict in self.found.items() if conflict is None))

    @property
    def first_conflict(self) -> Optional[Tuple[Size, Conflict]]:
        """The size nearest to the default that does not run, and its conflict."""
        height, width = self._lead.size
        failed = [(size, found) for size, found in self.found.items() if found is not None]
        return min(
            failed,
            key=lambda item: (abs(item[0][0] - height) + abs(item[0][1] - width), item[0]),
            default=None,
        )

    def _inputs(self, size: Size) -> Iterator[Dict[str, Blob]]:
        """Inputs to try: other flexible inputs scaled alike, or at their default."""
        alone = dict(self._default, **{self._lead.name: self._lead.at(size)})
        for rounded_up in (0, 1) if self._others else ():
            alike = {}
            for other in self._others:
                height, width = (
                    (mine * now + rounded_up * (was - 1)) // was
                    for mine, now, was in zip(other.size, size, self._lead.size)
                )
                if other.allows((height, width)):
                    alike[other.name] = other.at((height, width))
            yield dict(alone, **alike)
        yield alone
