"""Which resize moves what: a network run with its wrong resizes as PyTorch has them, and without.

Its inputs come from a reference, or are a test image.
"""

from types import MappingProxyType
from typing import Callable, FrozenSet, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.auditing.comparison import Comparisons, meant
from coreml_resize_fix.auditing.findings import RIGHT, Finding
from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.execution import Execution
from coreml_resize_fix.formats.features import ARRAY, IMAGE, NUMBER, Feature
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import CHANNELS_LAST, Intent
from coreml_resize_fix.progress import ShowProgress
from coreml_resize_fix.sampling.reference import resize
from coreml_resize_fix.verify import network, probes
from coreml_resize_fix.verify.agreement import Contribution, Effect, Effects, NotRun
from coreml_resize_fix.verify.deviation import changed_pixels, deviation
from coreml_resize_fix.verify.kernels.checks import KernelError, need_room
from coreml_resize_fix.verify.layouts import in_front

Arrays = Mapping[str, np.ndarray]
Replacement = Callable[[np.ndarray], np.ndarray]

# Each takes one more run of the network.
MOST_RESIZES = 16
_NUMBERS = (ARRAY, IMAGE, NUMBER)


class Measured(NamedTuple):
    """`right` are the outputs if every resize makes what PyTorch makes, None if that is unknown.

    Of a file that does not run, `mended` are the resizes that stop it, each as PyTorch computes it,
    and `stopping` their names; of one that every wrong resize stops there are none.
    """

    right: Optional[Arrays]
    effects: Optional[Effects]  # None where there is nothing to measure
    stopping: Tuple[str, ...] = ()
    mended: Mapping[str, Replacement] = MappingProxyType({})


def measure(
    execution: Execution,
    inputs: Arrays,
    findings: Sequence[Finding],
    tell: ShowProgress,
    as_it_is: Optional[Arrays] = None,
) -> Measured:
    """Run a network with each wrong resize replaced by PyTorch's own result, all but one, and none.

    `as_it_is` are the outputs of the file, empty where it does not run; None: they are not known.

    What a resize that stands for several layers should make is never known.
    """
    wrong = [finding for finding in findings if finding.verdict not in RIGHT]
    last = with_channels_last(execution.outputs, findings)
    exact = {
        finding.layer.address: _as_intended(finding.layer, finding.intent, finding.comparisons)
        for finding in wrong
        if finding.intent is not None and not finding.layer.params.is_chain
    }
    if not exact:
        return Measured(None if wrong else as_it_is, None)
    # One of a few is measured alone by the run without any.
    most = 2 + (min(len(exact), MOST_RESIZES) if len(exact) > 1 else 0)

    def run(number: int, replace: Mapping[str, Replacement]) -> network.Executed:
        return network.run(execution, inputs, (), replace, _part(tell, number, most))

    ran = run(0, exact)
    if ran.not_run is not None:
        return Measured(None, Effects(False, not_run=ran.not_run))
    right = ran.outputs
    if as_it_is is None:
        as_it_is = run(1, {}).outputs
    reached = [finding for finding in wrong if finding.layer.address in ran.replaced]
    alone, stopping = [], []
    for number, finding in enumerate(reached[:MOST_RESIZES]):
        address = finding.layer.address
        others = {key: exact[key] for key in ran.replaced if key != address}
        made = run(2 + number, others).outputs if others else as_it_is
        alone.append(Contribution(address, finding.layer.name, _effects(right, made, last)))
        stopping += [] if made else [finding.layer]
    effects = Effects(False, _effects(right, as_it_is, last), tuple(alone)) if alone else None
    if as_it_is or len(stopping) == len(reached):
        stopping = []
    return Measured(
        right if len(exact) == len(wrong) else None,
        effects,
        tuple(layer.name for layer in stopping),
        {layer.address: exact[layer.address] for layer in stopping},
    )


def on_test_image(
    model: Model, findings: Sequence[Finding], tell: ShowProgress
) -> Optional[Effects]:
    """The effects on seeded inputs, or why they cannot be measured.

    None where nothing is wrong, or nothing says what a wrong resize should make.
    """
    try:
        execution = model.execution(np.dtype(np.float32))
        inputs = probes.examples(
            {one.name: _example_of(one) for one in execution.inputs if not _may_lack(one)}
        )
        effects = measure(execution, inputs, findings, tell).effects
    except KernelError as error:
        effects = Effects(True, not_run=NotRun("", "", str(error)))
    except UsageError as error:
        effects = Effects(True, not_run=NotRun("", "", error.message))
    return effects._replace(on_test_image=True) if effects is not None else None


def _example_of(feature: Feature) -> probes.Wanted:
    """Shape and numbers of what a model takes: of an image a picture, before its preprocessing."""
    if feature.kind not in _NUMBERS:
        raise KernelError(f"the input `{feature.name}` takes no numbers")
    shape = (1,) if feature.kind == NUMBER else feature.planes
    if not shape or min(shape) < 1:
        raise KernelError(f"the input `{feature.name}` declares no size")
    if feature.kind == IMAGE:
        return shape, np.dtype(np.uint8)
    return shape, np.dtype(np.int32 if "INT" in feature.data_type else np.float32)


def _may_lack(feature: Feature) -> bool:
    return feature.optional and feature.kind not in _NUMBERS


def _part(tell: ShowProgress, number: int, count: int) -> ShowProgress:
    """A progress callback for run `number` of `count`, which reports the progress of all runs."""

    def told(done: int, total: int, what: str, unit: str) -> None:
        tell(number * total + done, count * total, "measuring", unit)

    return told


def _as_intended(
    layer: ResizeLayer, intent: Intent, comparisons: Optional[Comparisons]
) -> Replacement:
    """A function that resizes a map as the intent asks, whatever its size."""
    asked = comparisons.asked if comparisons is not None else intent

    def compute(maps: np.ndarray) -> np.ndarray:
        size = maps.shape[-2], maps.shape[-1]
        target = asked.target_size(size) if asked.law is not None else meant(asked, layer, size)
        if target is None:
            raise KernelError("gets a size of which no example says what it should become")
        need_room((*maps.shape[:-2], *target))
        images = maps if maps.dtype.kind == "f" else maps.astype(np.float32)
        return resize(images, *asked.axes(size, target))

    return compute


def with_channels_last(outputs: Sequence[Feature], findings: Sequence[Finding]) -> FrozenSet[str]:
    """Names of outputs whose channels are last, if they have four axes.

    Converters from TensorFlow leave them there, or write [C, H, W].
    """
    calls = (finding.intent for finding in findings)
    if not any(call is not None and call.framework in CHANNELS_LAST for call in calls):
        return frozenset()
    return frozenset(feature.name for feature in outputs if feature.kind != IMAGE)


def _effects(right: Arrays, made: Arrays, last: FrozenSet[str]) -> Tuple[Effect, ...]:
    return tuple(
        _effect(name, wanted, made.get(name), name in last) for name, wanted in right.items()
    )


def _effect(
    name: str, right: np.ndarray, made: Optional[np.ndarray], channels_last: bool
) -> Effect:
    found = deviation(right, made)
    counted = None
    if made is not None:
        both = (in_front(right), in_front(made)) if channels_last else (right, made)
        counted = changed_pixels(*both)
    changed, pixels = counted if counted is not None else (None, None)
    magnitude = found.magnitude if np.isfinite(found.magnitude) else None
    return Effect(name, found.largest, changed, pixels, magnitude, made is not None)
