"""Compare a whole network with a reference: run it, and measure how far each output is off.

A `Runner` runs the network: NumPy, or Core ML itself.
"""

from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.auditing.findings import FIXABLE, Finding
from coreml_resize_fix.formats.features import Feature
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.intents.reference import Reference
from coreml_resize_fix.verify.agreement import Drift, NotRun
from coreml_resize_fix.verify.compare import measure_recorded
from coreml_resize_fix.verify.deviation import Deviation, deviation
from coreml_resize_fix.verify.fit import Fitted, fit_inputs, fit_outputs
from coreml_resize_fix.verify.network import Executed

Arrays = Mapping[str, np.ndarray]
# By the name of a blob: the name of the resize that makes it, and the right values of it.
Recordings = Mapping[str, Tuple[str, np.ndarray]]
# Runs a network on inputs, and keeps some blobs.
Runner = Callable[[Arrays, Sequence[str]], Executed]

_BLOBS_AT_ONCE = 32
# By whether the network is one of float16 (see `half-coordinates` of conventions/measured.json).
_TOLERANCES = {False: 1e-3, True: 2e-2}


class NetworkRun(NamedTuple):
    """One run: its outputs, what could not be computed, and the first resize that is off."""

    outputs: Dict[str, np.ndarray]
    not_run: Optional[NotRun]
    resizes: Optional[Drift]  # the first recorded resize that drifts
    errors: Mapping[str, Optional[float]] = {}  # of what each recorded resize makes, by blob


class Comparison:
    """A reference, fitted to the inputs and outputs of a model.

    `tolerance` None is the default for the network's numbers.

    Raises:
        BadReferenceError: the reference is none of this model.
    """

    def __init__(
        self,
        reference: Reference,
        inputs: Sequence[Feature],
        outputs: Sequence[Feature],
        tolerance: Optional[float],
        in_half: bool,
    ) -> None:
        self.reference, self._features = reference, outputs
        self.tolerance = _TOLERANCES[in_half] if tolerance is None else tolerance
        self._given = fit_inputs(reference.label, inputs, reference.inputs, reference.channels_last)
        self._fit({})

    @property
    def inputs(self) -> Arrays:
        """The recorded inputs, by the names that they have in the model."""
        return self._given.arrays

    def _fit(self, made: Arrays) -> Fitted:
        shapes = {name: array.shape for name, array in made.items()}
        found = self.reference
        in_front = bool(self._given.moved)
        return fit_outputs(
            found.label, self._features, shapes, found.outputs, found.channels_last, in_front
        )

    def notices(self, made: Arrays) -> List[str]:
        """Notices on how the reference was fitted to a network that makes these outputs."""
        return [*self.reference.notices, *self._given.notices, *self._fit(made).notices]

    def run(self, runner: Runner, model: Model, recorded: Recordings) -> NetworkRun:
        """Run a model, and look at the blobs whose values were recorded."""
        makers = _makers(model)
        kept = [blob for blob in makers if blob in recorded]
        executed = runner(self.inputs, kept)
        drift = None
        errors = {}
        for blob in kept:
            name, wanted = recorded[blob]
            off = deviation(wanted, executed.kept[blob]) if blob in executed.kept else None
            errors[blob] = off.largest if off is not None else None
            if drift is None and off is not None and not off.within(self.tolerance):
                drift = Drift(makers[blob], name, off.largest)
        return NetworkRun(executed.outputs, executed.not_run, drift, errors)

    def shared_resizes(self, model: Model, findings: Sequence[Finding]) -> Recordings:
        """What an ONNX file makes of resizes that the model has, too: some from the whole of it."""
        blobs = self.reference.blobs
        if blobs is None:
            return {}
        found = resize_blobs(model, findings)
        names = {finding.layer.address: finding.layer.name for finding in findings}
        shared = [blob for blob in found if blobs.resized.get(blob)]
        step = -(-len(shared) // _BLOBS_AT_ONCE) or 1
        wanted = blobs.compute(shared[::step])
        return {blob: (names[found[blob]], array) for blob, array in wanted.items()}

    def wanted(self, made: Arrays) -> Arrays:
        """The right values of each output, in the layout of a network that makes these."""
        return self._fit(made).arrays

    def recordings(self, model: Model, findings: Sequence[Finding]) -> Recordings:
        """The recorded outputs of resizes, by blob; a fix keeps the names of these."""
        made = {}
        for finding in findings:
            index = finding.intent.index if finding.intent is not None else None
            recorded = self.reference.resizes.get(index) if index is not None else None
            if recorded is not None and np.isfinite(recorded.output).all():
                made[finding.layer.address] = finding.layer.name, recorded.output
        found = resize_blobs(model, findings)
        return {blob: made[address] for blob, address in found.items() if address in made}

    def proves(self, findings: Sequence[Finding]) -> bool:
        """Whether PyTorch's records of all changed resizes say that the change is right."""
        for finding in findings:
            if finding.verdict != FIXABLE or finding.after is None:
                continue
            index = finding.intent.index if finding.intent is not None else None
            recorded = self.reference.resizes.get(index) if index is not None else None
            measured = measure_recorded(finding.after, recorded) if recorded is not None else None
            if measured is None or not measured.proves:
                return False
        return True

    def deviations(self, made: Arrays, fitted_to: Arrays) -> Dict[str, Deviation]:
        """How far each output is off; `fitted_to` decides which array of the reference it is."""
        wanted = self._fit(fitted_to).arrays
        return {name: deviation(array, made.get(name)) for name, array in wanted.items()}

    def first_blob(self, runner: Runner, model: Model) -> Optional[Drift]:
        """The first blob that is off from the reference's of its name, or None."""
        blobs = self.reference.blobs
        if blobs is None:
            return None
        resizes = {layer.address for layer in model.resizes(model.shapes({}))}
        shared = [
            (name, address)
            for name, address in _makers(model).items()
            if blobs.resized.get(name) is (address in resizes)
        ]
        for start in range(0, len(shared), _BLOBS_AT_ONCE):
            part = dict(shared[start : start + _BLOBS_AT_ONCE])
            made = runner(self.inputs, list(part)).kept
            wanted = blobs.compute(list(part))
            for name, address in part.items():
                if name in made and name in wanted:
                    off = deviation(wanted[name], made[name])
                    if not off.within(self.tolerance):
                        return Drift(address, name, off.largest)
        return None


def resize_blobs(model: Model, findings: Sequence[Finding]) -> Dict[str, str]:
    """Blob → the address of the resize that makes it, in order."""
    addresses = {finding.layer.address for finding in findings}
    return {blob: address for blob, address in _makers(model).items() if address in addresses}


def _makers(model: Model) -> Dict[str, str]:
    """The address that makes each blob, in order of execution; blobs written twice are left out."""
    found: Dict[str, str] = {}
    twice = set()
    for network in model.networks:
        for node in network.nodes:
            for name in node.outputs:
                if name in found:
                    twice.add(name)
                found[name] = node.address
    return {name: address for name, address in found.items() if name not in twice}
