"""The layers of a network as steps; branches and loops run the layers inside of them.

Weights are read from the file when the layer that has them is computed, and kept by nobody.
"""

from functools import partial
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from coreml_resize_fix.formats.execution import MOST_ROUNDS, Blobs, Made, Step, Walk, blob_of
from coreml_resize_fix.formats.neuralnetwork.execute import stored, table
from coreml_resize_fix.formats.neuralnetwork.execute.stored import Parts
from coreml_resize_fix.formats.neuralnetwork.layers import BODIES
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.formats.protobuf.skeleton import Node
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.verify.kernels.checks import MOST_EFFORT, KernelError, need_effort

_TRUE = 1e-6  # what is larger is true


class LayerEndError(Exception):
    """A loop's body ends here: `again` says whether the loop goes on."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.again = again


class Steps:
    """Makes steps of layers whose weights are in `source`; `walk` runs those of bodies."""

    def __init__(self, source: Source, dtype: np.dtype, walk: Walk) -> None:
        self._source, self._dtype, self._walk = source, dtype, walk

    def of(self, network: Any, node: Node, prefix: str) -> List[Step]:
        pairs = zip(network.layers, node.children.get(1, []))
        return [
            self._step(f"{prefix}layers[{index}]", layer, below)
            for index, (layer, below) in enumerate(pairs)
        ]

    def _step(self, address: str, layer: Any, node: Node) -> Step:
        kind = layer.WhichOneof("layer")
        name, reads, makes = layer.name, tuple(layer.input), tuple(layer.output)
        if kind in ("loopBreak", "loopContinue"):
            # Nothing reads what it "makes": that it runs at all is what is wanted of it.
            return Step(address, name, reads, (address,), partial(_end, kind == "loopContinue"))
        if kind not in BODIES:
            return Step(address, name, reads, makes, partial(self._layer, layer, node))
        reads = tuple(name for name in reads if name)  # builders name an absent input ""
        bodies = self._bodies(address, layer, node)
        inner = [step for steps in bodies.values() for step in steps]
        made = dict.fromkeys(one for step in inner for one in step.makes)
        read = dict.fromkeys([*reads, *(one for step in inner for one in step.reads)])
        run = self._branch if kind == "branch" else self._loop
        compute = partial(run, getattr(layer, kind), reads, bodies, tuple(made))
        return Step(address, name, tuple(read), tuple(made), compute, partial=True)

    def _bodies(self, address: str, layer: Any, node: Node) -> Dict[str, List[Step]]:
        kind = layer.WhichOneof("layer")
        number, fields = BODIES[kind]
        holder = node.only(number)
        return {
            name: self.of(
                getattr(getattr(layer, kind), name), holder.only(field), f"{address}/{name}/"
            )
            for name, field in fields
            if field in holder.children
        }

    def _layer(self, layer: Any, node: Node, blobs: Blobs) -> Made:
        inputs = [blob_of(blobs, name) for name in layer.input]
        return table.compute(layer, inputs, self._dtype, partial(self._parts, layer, node))

    def _parts(self, layer: Any, node: Node, names: Sequence[str]) -> Parts:
        """Weights where they lie in the file: the structure was read without them."""
        message = schema.layer_class().DESCRIPTOR
        path = []
        for name in (layer.WhichOneof("layer"), *names):
            field = message.fields_by_name[name]
            path.append(int(field.number))
            message = field.message_type
        return stored.of_file(self._source, node.start, node.end, path)

    def _run_body(self, steps: Sequence[Step], blobs: Blobs) -> None:
        wanted = {name for step in steps for name in step.makes}
        self._walk.follow(steps, blobs, wanted, nested=True)

    def _branch(
        self,
        params: Any,
        reads: Sequence[str],
        bodies: Mapping[str, List[Step]],
        made: Sequence[str],
        blobs: Blobs,
    ) -> Made:
        name = "ifBranch" if abs(_scalar(blob_of(blobs, reads[0]))) > _TRUE else "elseBranch"
        self._run_body(bodies.get(name, []), blobs)
        return [blobs.get(one) for one in made]

    def _loop(
        self,
        params: Any,
        reads: Sequence[str],
        bodies: Mapping[str, List[Step]],
        made: Sequence[str],
        blobs: Blobs,
    ) -> Made:
        limit = int(_scalar(blob_of(blobs, reads[0]))) if reads else int(params.maxLoopIterations)
        # Builders write an empty network where there is no condition.
        condition = bodies.get("conditionNetwork") if params.conditionVar else None
        bounded = bool(reads or limit or condition is None)
        for round_ in range(MOST_ROUNDS):
            if bounded and round_ >= limit:
                break
            need_effort(MOST_EFFORT // MOST_ROUNDS)  # of all loops together
            if condition is not None:
                self._run_body(condition, blobs)
                if abs(_scalar(blob_of(blobs, params.conditionVar))) <= _TRUE:
                    break
            try:
                self._run_body(bodies["bodyNetwork"], blobs)
            except LayerEndError as end:
                if not end.again:
                    break
        else:
            raise KernelError(f"runs more than {MOST_ROUNDS} times")
        return [blobs.get(one) for one in made]


def _end(again: bool, blobs: Blobs) -> Made:
    raise LayerEndError(again)


def _scalar(blob: np.ndarray) -> float:
    if blob.size != 1:
        raise KernelError(f"takes one number, and gets {blob.shape}")
    return float(blob.reshape(-1)[0])
