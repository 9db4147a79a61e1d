"""A pipeline that holds ML Programs, networks of layers beside them or not, as one model.

Its layers are read and edited as in any other pipeline, each program as one of its own; what they
hand on to one another is checked, and what the pipelines declare of it is corrected.
"""

from typing import (
    TYPE_CHECKING,
    Collection,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
)

from coreml_resize_fix.errors import MLProgramError, ModelError, SchemaError
from coreml_resize_fix.formats import model as protocol
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.model import Programs
from coreml_resize_fix.formats.model import Appended, Averaged, Change, Plan, ResizeOp, Summed
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.neuralnetwork.layers import ModelRef
from coreml_resize_fix.formats.neuralnetwork.model import NeuralNetworks
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import Conflict, ModelShapes, Overrides, UsableSizes

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.execution import Execution

_Found = TypeVar("_Found")


class MixedPipeline(protocol.Model):
    """All models of a pipeline; `models` are those that `neuralnetwork.layers.models` finds.

    Raises:
        MLProgramError: a program in it makes no sense.
        ModelError, SchemaError: as `NeuralNetworks`.
    """

    kind = protocol.ML_PROGRAM

    def __init__(
        self,
        label: str,
        source: Source,
        models: Sequence[ModelRef],
        beside: Optional[ModelFolder] = None,
    ) -> None:
        self.label, self.source = label, source
        self._layers = NeuralNetworks(label, source, models)
        self._programs = {
            ref.prefix: _program(label, source, ref, beside) for ref in models if ref.is_program
        }
        self._parts: List[protocol.Model] = [self._layers, *self._programs.values()]
        self.spec_version = self._layers.spec_version
        self.outputs = self._layers.outputs
        self.converted_from = self._layers.converted_from
        self.declared_sizes = self._layers.declared_sizes
        own = {network.prefix: network for network in self._layers.networks}
        self.networks = [network for ref in models for network in self._networks(ref, own)]
        self.remarks = [remark for part in self._parts for remark in part.remarks]
        self._order = {
            node.address: place
            for place, node in enumerate(
                node for network in self.networks for node in network.nodes
            )
        }

    def _networks(
        self, ref: ModelRef, own: Mapping[str, protocol.Network]
    ) -> Sequence[protocol.Network]:
        if ref.is_program:
            return self._programs[ref.prefix].networks
        return [own[ref.prefix]] if ref.prefix in own else []

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        found = {}
        for part in self._parts:
            found.update(part.shapes(assumed))
        return {network.prefix: found[network.prefix] for network in self.networks}

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return self._sorted(layer for part in self._parts for layer in part.resizes(shapes))

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return self._sorted(layer for part in self._parts for layer in part.poolings(shapes))

    def _sorted(self, layers: Iterator[ResizeLayer]) -> List[ResizeLayer]:
        """In the order in which they run."""
        return sorted(layers, key=lambda layer: self._order[layer.address])

    def averaged(self) -> List[Averaged]:
        return [found for part in self._parts for found in part.averaged()]

    def summed(self) -> List[Summed]:
        return [found for part in self._parts for found in part.summed()]

    def conflicts(self, shapes: Mapping[str, ModelShapes]) -> Tuple[Conflict, ...]:
        return tuple(found for part in self._parts for found in part.conflicts(shapes))

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """Those of the first model that takes an input of the pipeline and cannot run at all."""
        given = self._layers.inputs
        found = [part.usable(assumed) for part in self._parts]
        vary = [one for one in found if one is not None and one.name in given]
        return next((one for one in vary if not one.everywhere), next(iter(vary), None))

    def with_free_names(self, added: Mapping[str, ResizeOp]) -> Dict[str, ResizeOp]:
        found: Dict[str, ResizeOp] = {}
        for part in self._parts:
            found.update(part.with_free_names(_within(part, added)))
        return found

    def parts(self, addresses: Collection[str]) -> Set[str]:
        return {one for part in self._parts for one in part.parts(addresses)}

    def doubts(
        self, before: Mapping[str, ModelShapes], after: Mapping[str, ModelShapes]
    ) -> List[str]:
        return [doubt for part in self._parts for doubt in part.doubts(before, after)]

    def allowed_version(self, target: Optional[int]) -> int:
        return max(part.allowed_version(target) for part in self._parts)

    def plan(
        self,
        changes: Sequence[Change],
        before: Mapping[str, ModelShapes],
        after: Mapping[str, ModelShapes],
        allowed: int,
    ) -> Plan:
        by_address = {change.address: change for change in changes}
        plans: Dict[str, Plan] = {}
        gained: Dict[str, Appended] = {}
        for prefix, program in self._programs.items():
            own_changes = list(_within(program, by_address).values())
            plans[prefix] = program.behind(gained).plan(own_changes, before, after, allowed)
            gained.update((one.name, one) for one in plans[prefix].appended)
        own = list(_within(self._layers, by_address).values())
        versions = {prefix: plan.spec_version for prefix, plan in plans.items()}
        around = self._layers.plan(own, before, after, allowed, versions)
        edits = [edit for plan in plans.values() for edit in plan.edits]
        return Plan(around.edits + tuple(edits), around.spec_version, tuple(gained.values()))

    def execution(self, dtype: "np.dtype", function: Optional[str] = None) -> "Execution":
        programs = {prefix: one.execution(dtype) for prefix, one in self._programs.items()}
        return self._layers.execution_with(programs, dtype)

    def lacks_weights(self, folder: Optional[str] = None) -> Optional[Tuple[str, str, str]]:
        found = (program.lacks_weights(folder) for program in self._programs.values())
        return next(filter(None, found), None)


def _program(label: str, source: Source, ref: ModelRef, beside: Optional[ModelFolder]) -> Programs:
    where = ref.prefix.rstrip("/")
    try:
        found = Programs(label, source, beside, Place(ref.node, ref.path), ref.prefix)
    except SchemaError:
        raise
    except ModelError as error:
        raise MLProgramError(f"the ML Program `{where}`: {error.message}", error.hint) from error
    if ref.maker not in (network.prefix for network in found.networks):
        raise MLProgramError(
            f"the ML Program `{where}` has no function `{ref.maker[len(ref.prefix) :]}`, which is "
            "the one that runs in a pipeline",
            "convert the model again",
        )
    return found


def _within(part: protocol.Model, found: Mapping[str, _Found]) -> Dict[str, _Found]:
    """The entries whose address is one of that part."""
    own = {node.address for network in part.networks for node in network.nodes}
    return {address: one for address, one in found.items() if address in own}
