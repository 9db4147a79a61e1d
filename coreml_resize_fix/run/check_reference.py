"""The check of one model with `--reference`: run the network and judge its outputs."""

from functools import partial
from typing import List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from coreml_resize_fix.auditing.findings import RIGHT, Finding
from coreml_resize_fix.auditing.line import line
from coreml_resize_fix.errors import ProofError
from coreml_resize_fix.formats.execution import Execution
from coreml_resize_fix.formats.features import IMAGE
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.progress import ShowProgress
from coreml_resize_fix.run import read_reference
from coreml_resize_fix.run.options import Request
from coreml_resize_fix.verify import effects, layouts, meaning, network, output_pictures
from coreml_resize_fix.verify.agreement import (
    COREML,
    Agreement,
    ComparedOutput,
    Drift,
    Effects,
)
from coreml_resize_fix.verify.deviation import Deviation
from coreml_resize_fix.verify.network import Executed
from coreml_resize_fix.verify.overview import OutputPicture, Overview, ResizeError
from coreml_resize_fix.verify.reference import (
    Arrays,
    Comparison,
    NetworkRun,
    Runner,
    resize_blobs,
)

_FLOAT32 = np.dtype(np.float32)


class _Side(NamedTuple):
    """The file as it is, or the result: one run of it, and the first blob that drifts."""

    ran: NetworkRun
    drift: Optional[Drift]
    errors: Mapping[str, Optional[float]] = {}  # of resizes, by the blob that each makes


class Check:
    """The comparison of a model with its reference, as the file is; `add_result` adds the fix.

    Raises:
        BadReferenceError: the reference cannot be read, or is none of this model.
        UsageError: the runtime does not run here.
    """

    def __init__(
        self, model: Model, request: Request, findings: Sequence[Finding], tell: ShowProgress
    ) -> None:
        self._request, self._tell, self._findings = request, tell, findings
        self._model, self._runner = model, self._runner_of(model)
        execution = model.execution(_FLOAT32)
        inputs = execution.inputs
        self._comparison = Comparison(
            read_reference.read(request, inputs),
            inputs,
            execution.outputs,
            request.tolerance,
            execution.in_half,
        )
        self._outputs = execution.outputs
        self._names = tuple(tuple(one.name for one in each) for each in (inputs, self._outputs))
        self._recordings = self._comparison.recordings(model, findings)
        self._shown = self._recordings
        if request.pictures and not self._recordings and request.runtime != COREML:
            self._shown = self._comparison.shared_resizes(model, findings)
        self._before = self._side(model, self._runner)
        self._measured = effects.Measured(None, None)
        if request.has_intents and request.runtime != COREML:
            self._measured = effects.measure(
                execution, self._comparison.inputs, findings, tell, self._before.ran.outputs
            )
        self._after: Optional[_Side] = None

    @property
    def notices(self) -> List[str]:
        """What a user should know of the reference."""
        return self._comparison.notices(self._fitted_to)

    @property
    def effects(self) -> Optional[Effects]:
        """What each wrong resize does to the outputs, in the file as it is."""
        return self._measured.effects

    @property
    def holds(self) -> bool:
        """Whether what was looked at last is as the reference has it."""
        side = self._after or self._before
        return side.ran.not_run is None and self._all_within(side)

    def add_result(self, result: Model) -> None:
        """Run the result of a fix as well, before it takes its place.

        Where PyTorch's record of each resize says that the fix is right, and an output was off
        before, what it is off afterwards is not the resizes' doing, whether it grows or not.

        Raises:
            ProofError: an output is farther from the reference than without the fix.
        """
        self._after = self._side(result, self._runner_of(result))
        before, after = self._deviations(self._before), self._deviations(self._after)
        tolerance, proved = self._comparison.tolerance, self._comparison.proves(self._findings)
        for name, found in after.items():
            excused = proved and not before[name].within(tolerance)
            if not excused and found.worse_than(before[name], tolerance):
                raise ProofError(
                    f"the fix of `{self._model.label}` would make the output `{name}` worse: it "
                    f"is off by {_text(before[name])}, and would be by {_text(found)}",
                    "nothing was written; check that the manifest and the reference are of the "
                    "network that was converted",
                )

    def drop_result(self) -> None:
        """Forget a result that is not written."""
        self._after = None

    def agreement(self, findings: Sequence[Finding], missing: bool, final: bool) -> Agreement:
        """The outcome for the report, with the findings at the end of a run.

        `missing`: a call has no layer. `final`: a fix was asked for, and the file was right.
        """
        side = self._after or self._before
        before, shown = self._deviations(self._before), self._deviations(side)
        right, intended = self._measured.right, {}
        if right is not None:
            intended = self._comparison.deviations(right, self._fitted_to)
        after = shown if self._after is not None or final else {}
        tolerance = self._comparison.tolerance
        outputs = tuple(
            ComparedOutput(
                name,
                before[name].largest,
                after[name].largest if name in after else None,
                found.magnitude,
                found.within(tolerance),
                intended[name].largest if name in intended else None,
                found.fault,
            )
            for name, found in shown.items()
        )
        found = Agreement(
            self._request.runtime,
            tolerance,
            outputs,
            None if self._all_within(side) and side.ran.not_run is None else side.drift,
            side.ran.not_run,
        )
        right_ones = all(finding.verdict in RIGHT for finding in findings) and not missing
        by_resizes = {name: one.within(tolerance) for name, one in intended.items()}
        return found._replace(
            message=meaning.describe(
                found, self._request.has_intents, right_ones, {} if missing else by_resizes
            )
        )

    def overview(self, findings: Sequence[Finding]) -> Overview:
        """What a page shows: the line of resizes, and values of at most some outputs."""
        before, after = self._before, self._after
        outputs_before = before.ran.outputs
        if self._measured.mended:
            # Of a file that stops at a wrong size, what the rest of it makes of the right one.
            execution, inputs = self._model.execution(_FLOAT32), self._comparison.inputs
            outputs_before = network.run(execution, inputs, (), self._measured.mended).outputs
        images = {one.name for one in self._outputs if one.kind == IMAGE}
        drawn: List[OutputPicture] = []
        more = 0
        last = effects.with_channels_last(self._outputs, findings)
        for name, wanted in self._comparison.wanted(self._fitted_to).items():
            is_image = name in images
            first = outputs_before.get(name)
            made = after.ran.outputs.get(name) if after is not None else None
            if name in last:
                wanted = layouts.in_front(wanted)
                first, made = (
                    None if one is None else layouts.in_front(one) for one in (first, made)
                )
            if not output_pictures.has_picture(wanted):
                continue
            if len(drawn) == output_pictures.MOST_OUTPUTS:
                more += 1
            else:
                found = output_pictures.picture(name, wanted, first, made, is_image)
                drawn.append(found._replace(right_before=self._measured.stopping))
        errors = tuple(
            ResizeError(address, before.errors.get(blob), after.errors.get(blob) if after else None)
            for blob, address in resize_blobs(self._model, findings).items()
            if blob in before.errors
        )
        drawn_line = line(self._model, findings, *self._names)
        return Overview(drawn_line, tuple(drawn), more, errors, after is not None)

    @property
    def _fitted_to(self) -> Arrays:
        """Outputs that say which array of the reference belongs to which."""
        return (self._after or self._before).ran.outputs or self._before.ran.outputs

    def _deviations(self, side: _Side) -> Mapping[str, Deviation]:
        return self._comparison.deviations(side.ran.outputs, self._fitted_to)

    def _all_within(self, side: _Side) -> bool:
        tolerance = self._comparison.tolerance
        return all(found.within(tolerance) for found in self._deviations(side).values())

    def _side(self, model: Model, runner: Runner) -> _Side:
        ran = self._comparison.run(runner, model, self._recordings)
        drift = ran.resizes
        found = self._comparison.deviations(ran.outputs, ran.outputs).values()
        tolerance = self._comparison.tolerance
        if ran.not_run is not None or not all(one.within(tolerance) for one in found):
            drift = drift or self._comparison.first_blob(runner, model)
        errors = ran.errors
        if self._shown is not self._recordings:
            errors = self._comparison.run(runner, model, self._shown).errors
        return _Side(ran, drift, errors)

    def _runner_of(self, model: Model) -> Runner:
        if self._request.runtime == COREML:
            from coreml_resize_fix.run import coreml_runtime

            return coreml_runtime.runner(model)
        return partial(_run_in_numpy, model.execution(_FLOAT32), self._tell)


def _run_in_numpy(
    execution: Execution, tell: ShowProgress, inputs: Arrays, keep: Sequence[str]
) -> Executed:
    return network.run(execution, inputs, keep, None, tell)


def _text(found: Deviation) -> str:
    return "no finite number, or another size" if found.largest is None else f"{found.largest:.2g}"
