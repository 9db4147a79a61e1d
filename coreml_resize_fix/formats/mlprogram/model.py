"""A file that holds an ML Program, as `formats.model.Model` asks for it."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from coreml_resize_fix.errors import ModelError, UsageError
from coreml_resize_fix.formats import model as protocol
from coreml_resize_fix.formats import spec_versions
from coreml_resize_fix.formats.beside import Beside
from coreml_resize_fix.formats.descriptions import declared_size, with_ranges
from coreml_resize_fix.formats.inference.call import image_size
from coreml_resize_fix.formats.input_sizes import InputSizes, channels
from coreml_resize_fix.formats.mlprogram import (
    callnames,
    constants,
    cuts,
    declared,
    edits,
    elsewhere,
    locate,
    network,
    opset,
    parameters,
    reader,
    remarks,
    restate,
    steps,
    weight_file,
)
from coreml_resize_fix.formats.mlprogram.inventory import Unjudged
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.network import Resize
from coreml_resize_fix.formats.mlprogram.operations import ResizeToShape
from coreml_resize_fix.formats.mlprogram.program import Value, file_references
from coreml_resize_fix.formats.model import (
    POOLING,
    Averaged,
    Change,
    DeclaredSize,
    Plan,
    ResizeOp,
    Summed,
)
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.formats.shapes import (
    Conflict,
    Known,
    ModelShapes,
    Overrides,
    Shape,
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
        beside: Optional[Beside] = None,
        place: Optional[Place] = None,
        prefix: str = "",
    ) -> None:
        self.label, self.source, self.beside = label, source, beside
        self._place = place or locate.whole(source)
        message = reader.parse(source, self._place.node)
        self._description = message.description
        self.program = reader.program(message, prefix)
        self.spec_version = self.program.spec_version
        self._functions = {found.prefix: found for found in network.networks(self.program).values()}
        self._resizes = {name: one.resizes() for name, one in self._functions.items()}
        self._as_it_is = {name: one.shapes() for name, one in self._functions.items()}
        self._described = {
            prefix: one.described(message.description) for prefix, one in self._functions.items()
        }
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
        return {
            name: self._as_it_is[name] if self._is_as_it_is(name, assumed) else one.shapes(assumed)
            for name, one in self._functions.items()
        }

    def _is_as_it_is(self, name: str, assumed: Overrides) -> bool:
        """Whether each resize of a function is taken to make what it makes in the file.

        Such a walk would find what is known already, as long as no size varies.
        """
        known, addresses = self._as_it_is[name], [one.address for one in self._resizes[name]]
        wanted = [address for address in addresses if address in assumed]
        if known.varies:
            return not wanted
        return all(_makes_assumed(known, address, assumed) for address in wanted)

    def resizes(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return [
            self._placed(name, resize, shapes[name])
            for name, resize in self._found()
            if resize.params.kind not in (POOLING, *parameters.SAMPLERS)
        ]

    def poolings(self, shapes: Mapping[str, ModelShapes]) -> List[ResizeLayer]:
        return [
            self._placed(name, resize, shapes[name])
            for name, resize in self._found()
            if resize.params.kind == POOLING
        ]

    def averaged(self) -> List[Averaged]:
        return [one for function in self.program.functions for one in elsewhere.averaged(function)]

    def summed(self) -> List[Summed]:
        """See `formats.model`; their few weights are read, if they are beside the file."""
        functions = self.program.functions
        return [one for function in functions for one in elsewhere.summed(function, self._stored)]

    def _stored(self, value: Value) -> Optional[constants.Elements]:
        if self.beside is None:
            return None
        return weight_file.numbers(self.beside, value, MOST_STORED)

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
        if not changes:
            return Plan((), self.spec_version)
        version = max(change.spec_version for change in changes)
        written: Dict[str, Sequence[steps.Step]] = {}
        for prefix, one in self._functions.items():
            written.update(restate.steps(one.function, before[prefix], after[prefix]))
        written.update((change.address, steps.of(change.op)) for change in changes)
        wanted = edits.Change(
            written,
            self._by_name(before),
            self._by_name(after),
            version,
            with_ranges,
        )
        refusal = edits.refusal(self.program, wanted)
        if refusal is not None:
            raise UsageError(
                f"`{self.label}` cannot be changed: {refusal}",
                "audit it with `--dry-run` and no intent, and convert it again for one target",
            )
        found = edits.edits(self.source, self.program, wanted, self._place)
        return Plan(tuple(found), max(self.spec_version, version))

    def execution(self, dtype: "np.dtype", function: Optional[str] = None) -> "Execution":
        from coreml_resize_fix.formats.mlprogram.execute import run

        own = self.label, self.program, self._description, self.beside
        return run.execution(*own, function, dtype)

    def _by_name(self, shapes: Mapping[str, ModelShapes]) -> Dict[str, ModelShapes]:
        """Shapes by the names of the functions."""
        return {one.function.name: shapes[prefix] for prefix, one in self._functions.items()}

    def _found(self) -> Iterator[Tuple[str, Resize]]:
        for name, resizes in self._resizes.items():
            for resize in resizes:
                yield name, resize

    def _placed(self, name: str, resize: Resize, shapes: ModelShapes) -> ResizeLayer:
        """A resize where its function has these shapes."""
        known = shapes.layers.get(resize.address)
        shape = next(iter(known.inputs), None) if known is not None else None
        call = callnames.exported(resize.names[0])
        return ResizeLayer(
            resize.address,
            resize.names[0],
            tuple(dict.fromkeys([*resize.names[1:], *map(callnames.without_cast, resize.names)])),
            self._with_size(name, resize),
            InputSizes.of(shape, shapes.varies),
            channels(shape),
            call=(call.mode, call.antialias) if call is not None else None,
        )

    def _with_size(self, name: str, resize: Resize) -> ResizeOp:
        """The parameters; a size that is computed of what does not vary is that of the file."""
        params, shapes = resize.params, self._as_it_is[name]
        if not isinstance(params, ResizeToShape) or not params.computes_size:
            return params
        made = _first_output(shapes, resize.address)
        if isinstance(made, Known) and len(made.dims) >= params.resized_dims and not shapes.varies:
            return replace(params, shape=made.dims[-params.resized_dims :])
        shown = tuple((key, value) for key, value in params.as_dict().items() if value is not None)
        return Unjudged(params.kind, shown, "its size is computed at run time")

    def require_weights(self) -> None:
        """Refuse a model file whose weights are not beside it: nothing could run it.

        Raises:
            ModelError: a file that it reads is not there.
        """
        if self.beside is None:
            return
        for name in dict.fromkeys(one.file_name for one in file_references(self.program)):
            if not os.path.isfile(self.beside.path(weight_file.relative(name))):
                raise ModelError(
                    f"`{self.label}` is an ML Program that reads its weights from `{name}`, "
                    "which is not there",
                    "copy the whole package, or save the model again",
                )


def _makes_assumed(known: ModelShapes, address: str, assumed: Overrides) -> bool:
    """Whether an operation is known to make the size that is assumed of it."""
    layer, wanted = known.layers.get(address), assumed[address]
    if layer is None or not layer.inputs or not layer.outputs:
        return False
    read, made = (
        image_size(shapes[0].dims) if isinstance(shapes[0], Known) else None
        for shapes in (layer.inputs, layer.outputs)
    )
    return made is not None and made == (wanted(read) if callable(wanted) else wanted)


def _first_output(shapes: ModelShapes, address: str) -> Optional[Shape]:
    known = shapes.layers.get(address)
    return next(iter(known.outputs), None) if known is not None else None
