"""At which sizes of its inputs a network of layers runs."""

from typing import Dict, Optional, Sequence, Tuple

from coreml_resize_fix.formats.inference import usable as inference
from coreml_resize_fix.formats.inference.call import Blob
from coreml_resize_fix.formats.inference.inputs import Samples, Varied
from coreml_resize_fix.formats.inference.trials import Trials
from coreml_resize_fix.formats.shapes import Conflict, Overrides, UsableSizes

from .evaluate import Evaluation
from .structure import Layer


class _DoesNotRunError(Exception):
    """The network does not run: the first conflict ends the evaluation."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(conflict.message)
        self.conflict = conflict


class _Walk(Evaluation):
    def _report(self, layer: Layer, message: str) -> None:
        raise _DoesNotRunError(Conflict(layer.address, layer.name, layer.kind, message, False))


class _NetworkTrials(Trials):
    """`given` has the sizes assumed for resize layers."""

    def __init__(
        self,
        layers: Tuple[Layer, ...],
        outputs: Sequence[str],
        given: Overrides,
        samples: Samples,
        lead: Varied,
    ) -> None:
        super().__init__(samples, lead)
        self._layers, self._outputs, self._given = layers, outputs, given

    def conflict(self, inputs: Dict[str, Blob]) -> Optional[Conflict]:
        try:
            walk = _Walk(self._layers, inputs, self._given, {})
            for name in self._outputs:
                walk.output(name)
        except _DoesNotRunError as error:
            return error.conflict
        return None


def usable(
    layers: Tuple[Layer, ...], samples: Samples, outputs: Sequence[str], given: Overrides
) -> Optional[UsableSizes]:
    """At which sizes the network runs; None if no size of its inputs varies.

    `given` has the sizes assumed for resize layers, as in `ShapeInference.infer`.
    """

    def trials_of(lead: Varied) -> Trials:
        return _NetworkTrials(layers, outputs, given, samples, lead)

    return inference.usable(samples, trials_of, _steps(layers))


def _steps(layers: Tuple[Layer, ...]) -> int:
    """About how many layers one trial walks: the bodies of loops several times."""
    return sum(
        1 + sum(_steps(body) for body in layer.bodies) * (3 if layer.kind == "loop" else 1)
        for layer in layers
    )
