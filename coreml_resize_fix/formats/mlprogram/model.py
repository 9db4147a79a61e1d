"""A file that holds an ML Program, as `formats.model.Model` asks for it."""

import copy
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
)

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats import model as protocol
from coreml_resize_fix.formats import spec_versions
from coreml_resize_fix.formats.descriptions import converted_from, declared_size
from coreml_resize_fix.formats.inference.assumed import assumed_shapes
from coreml_resize_fix.formats.mlprogram import (
    averaged,
    computed_sizes,
    constants,
    cuts,
    declared,
    folded,
    locate,
    network,
    opset,
    parameters,
    planning,
    reader,
    remarks,
    resize_layers,
    storing,
    summed,
    weight_file,
)
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.network import Resize
from coreml_resize_fix.formats.mlprogram.planning import Subject
from coreml_resize_fix.formats.mlprogram.program import Value
from coreml_resize_fix.formats.model import (
    POOLING,
    Appended,
    Averaged,
    Change,
    DeclaredSize,
    Plan,
    ResizeOp,
    Summed,
)
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import (
    Conflict,
    ModelShapes,
    Overrides,
    SizePairs,
    UsableSizes,
)

if TYPE_CHECKING:
    import numpy as np

    from coreml_resize_fix.formats.execution import Execution

# Weights of one axis of a resize: 16 for each of 4096 pixels.
MOST_STORED = 1 << 16


class Programs(protocol.Model):
    """The functions of a program, read once; each is a network under its name.

    `place` is where its Model message lies if it is one of a pipeline, and `prefix` is put before
    every address then ("pipeline[1]/"). `beside` is where its weight files are, None for a model in
    memory.

    Raises:
        ModelError: the program makes no sense.
        SchemaError: the installed coremltools is older than ML Programs.
    """

    kind = protocol.ML_PROGRAM

    def __init__(
        self,
        label: str,
        source: Source,
        beside: Optional[ModelFolder] = None,
        place: Optional[Place] = None,
        prefix: str = "",
    ) -> None:
        self.label, self.source, self.beside = label, source, beside
        self._place = place or locate.whole(source)
        message = reader.parse(source, self._place.node)
        self._description = message.description
        self.program = reader.program(message, prefix)
        self.spec_version = self.program.spec_version
        found = network.networks(self.program, storing.reader(beside))
        self._functions = {one.prefix: one for one in found.values()}
        self._resizes = {name: one.resizes() for name, one in self._functions.items()}
        self._as_it_is = {name: one.shapes() for name, one in self._functions.items()}
        self._described = {
            prefix: one.described(message.description) for prefix, one in self._functions.items()
        }
        self.converted_from = converted_from(message.description)
        self.outputs = [one.name for features in self._described.values() for one in features]
        self.networks = [one.as_network() for one in self._functions.values()]
        self.declared_sizes = [
            DeclaredSize(
                name,
                feature.name,
                declared_size(feature),
                feature.type.WhichOneof("Type") == "imageType",
                None,
            )
            for name, features in self._described.items()
            for feature in features
            if declared_size(feature)
        ]
        self.remarks = remarks.of(self.program, [resize for _, resize in self._found()])

    def shapes(self, assumed: Overrides) -> Dict[str, ModelShapes]:
        return assumed_shapes(
            self._as_it_is, assumed, lambda name: self._functions[name].shapes(assumed)
        )

    def reaching(self, wanted: Mapping[str, SizePairs]) -> "Programs":
        found = copy.copy(self)
        found._functions = {name: one.reaching(wanted) for name, one in self._functions.items()}
        found._as_it_is = {name: one.shapes() for name, one in found._functions.items()}
        return found

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return [
            self._placed(name, resize, shapes[name])
            for name, resize in self._found()
            if resize.params is None or resize.params.kind not in (POOLING, *parameters.SAMPLERS)
        ]

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return [
            self._placed(name, resize, shapes[name])
            for name, resize in self._found()
            if resize.params is not None and resize.params.kind == POOLING
        ]

    def averaged(self) -> List[Averaged]:
        functions = self.program.functions
        return [one for each in functions for one in averaged.find(each)]

    def summed(self) -> List[Summed]:
        """See `formats.model`; their few weights are read, if they are beside the file."""
        functions = self.program.functions
        return [one for each in functions for one in summed.find(each, self._stored)]

    def _stored(self, value: Value) -> Optional[constants.Elements]:
        if self.beside is None:
            return None
        return weight_file.numbers(self.beside, value, MOST_STORED)

    def constants(self, dims: Tuple[int, ...]) -> Iterator[Tuple[str, bytes]]:
        return folded.of_shape(self.program, self.beside, dims)

    def conflicts(self, shapes: Mapping[str, ModelShapes]) -> Tuple[Conflict, ...]:
        found: List[Conflict] = []
        for name, one in self._functions.items():
            own = shapes[name]
            found += [conflict for conflict in own.conflicts if conflict.at_default]
            found += declared.unfollowed(one.function, self._as_it_is[name], own)
        return tuple(found)

    def usable(self, assumed: Overrides) -> Optional[UsableSizes]:
        """Of several functions, that of the first that does not run at every size."""
        found = [one.usable(assumed) for one in self._functions.values()]
        vary = [one for one in found if one is not None]
        return next((one for one in vary if not one.everywhere), next(iter(vary), None))

    def doubts(
        self, before: Mapping[str, ModelShapes], after: Mapping[str, ModelShapes]
    ) -> List[str]:
        return [
            doubt
            for prefix, one in self._functions.items()
            for doubt in cuts.doubts(one.function, before[prefix], after[prefix])
        ]

    def parts(self, addresses: Collection[str]) -> Set[str]:
        found = set(addresses)
        for address, group in planning.groups(list(self._functions.values())).items():
            if address in found:
                found.update(one.address for one in group.operations)
        return found

    def allowed_version(self, target: Optional[int]) -> int:
        """See `formats.model`: an opset is raised where a target allows it, and never lowered."""
        needed = max(self.spec_version, opset.required_version(self.program))
        if target is None or target >= needed:
            return needed if target is None else target
        raise UsageError(
            f"`{self.label}` needs iOS {spec_versions.minimum_ios(needed)} for its opset "
            f"`{opset.name(needed)}`, above the deployment target",
            "convert it for the lower target, or leave `--deployment-target` out",
        )

    def plan(
        self,
        changes: Sequence[Change],
        before: Mapping[str, ModelShapes],
        after: Mapping[str, ModelShapes],
        allowed: int,
    ) -> Plan:
        """See `formats.model`.

        Raises:
            UsageError: a function cannot be changed; says why.
        """
        functions = list(self._functions.values())
        own = self.label, self.source, self._place, self.program, functions, self.beside
        return planning.plan(Subject(*own), changes, before, after)

    def behind(self, gained: Mapping[str, Appended]) -> "Programs":
        """The same programs, where other ones of the file already add this to its weight files."""
        found = copy.copy(self)
        found.beside = self.beside and self.beside._replace(gained=dict(gained))
        return found

    def execution(self, dtype: "np.dtype", function: Optional[str] = None) -> "Execution":
        from coreml_resize_fix.formats.mlprogram.execute import run

        own = self.label, self.program, self._description, self.beside
        return run.execution(*own, function, dtype)

    def _found(self) -> Iterator[Tuple[str, Resize]]:
        for name, resizes in self._resizes.items():
            for resize in resizes:
                yield name, resize

    def _placed(self, name: str, resize: Resize, shapes: ModelShapes) -> ResizeLayer:
        """A resize where its function has these shapes."""
        place = resize_layers.place(
            resize,
            resize_layers.image_shape(resize, shapes),
            self._functions[name].function.opset,
            self.beside is not None,
            self.float32_replacements,
        )
        return resize_layers.layer(resize, shapes, self._params(name, resize, shapes), place)

    def _params(self, name: str, resize: Resize, shapes: ModelShapes) -> ResizeOp:
        if resize.group is not None:
            return resize_layers.chain(resize, resize.group, shapes)
        return computed_sizes.params(resize, self._as_it_is[name], shapes)

    def lacks_weights(self, folder: Optional[str] = None) -> Optional[Tuple[str, str, str]]:
        beside = self.beside if folder is None else ModelFolder(folder)
        return storing.fault(self.program, beside)
