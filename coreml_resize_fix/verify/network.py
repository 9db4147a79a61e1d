"""Run a whole network of any kind on arrays: its outputs, or the layer that cannot be computed."""

from typing import (
    AbstractSet,
    Callable,
    Collection,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.execution import FAULTS, Execution, NotRunError, Walk, fault
from coreml_resize_fix.formats.features import ARRAY, IMAGE, TEXT, Feature
from coreml_resize_fix.formats.model import Model
from coreml_resize_fix.progress import ShowProgress, silent
from coreml_resize_fix.verify.agreement import NotRun
from coreml_resize_fix.verify.kernels.checks import limited_effort
from coreml_resize_fix.words import quoted, size_text


class Executed(NamedTuple):
    """The result of one run.

    `outputs` are by the names of the model's features: images and arrays before clipping and
    rounding, of a classifier its probabilities in the order of `classes`, and no label. They are
    empty where something could not be computed: `not_run` says what. `kept` are the blobs that were
    asked for, in the ranks that they have in the network. `replaced` are the addresses of resizes
    in whose place something else was computed.
    """

    outputs: Dict[str, np.ndarray]
    kept: Dict[str, np.ndarray]
    not_run: Optional[NotRun] = None
    classes: Optional[Sequence[Union[str, int]]] = None
    in_half: bool = False  # whether the network itself computes in float16
    replaced: AbstractSet[str] = frozenset()


def execute(
    model: Model,
    inputs: Mapping[str, np.ndarray],
    dtype: Optional[np.dtype] = None,
    keep: Collection[str] = (),
    replace: Optional[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = None,
    tell: ShowProgress = silent,
    function: Optional[str] = None,
) -> Executed:
    """Run a model on arrays, one for each of its inputs.

    An input that is an image takes uint8 values of a picture, [H, W], [H, W, 3] or [1, C, H, W] in
    the order RGB, which go through the preprocessing; or floating numbers [1, C, H, W], which enter
    behind it, as a framework's own tensor does. Axes of one may be missing or too many.

    Args:
        dtype: float32 (the default) or float64. Networks of float16 are computed in it, too.
        keep: names of blobs that are returned beside the outputs.
        replace: functions to compute instead of resizes, by address; each gets the resize's input.
        tell: is called after each layer, with how far the run is.
        function: the name of a function of an ML Program; None is its default one.

    Raises:
        UsageError: an input is missing, has another shape, or is none of the network's.
    """
    network = model.execution(np.dtype(np.float32 if dtype is None else dtype), function)
    return run(network, inputs, keep, replace, tell)


def run(
    network: Execution,
    inputs: Mapping[str, np.ndarray],
    keep: Collection[str] = (),
    replace: Optional[Mapping[str, Callable[[np.ndarray], np.ndarray]]] = None,
    tell: ShowProgress = silent,
) -> Executed:
    """The same for a model that is prepared for execution already."""
    given, prepared = _entering(network.inputs, inputs)
    return run_prepared(network, given, prepared, Walk(keep, replace, tell))


def run_prepared(
    network: Execution, given: Mapping[str, np.ndarray], prepared: Collection[str], walk: Walk
) -> Executed:
    """The same for inputs in the form that `Execution.run` takes; `walk` records the run."""
    about = network.classes, network.in_half
    try:
        with limited_effort():
            made = network.run(given, prepared, walk)
    except NotRunError as error:
        stopped = NotRun(error.address, error.name, error.reason)
        return Executed({}, walk.kept, stopped, *about)
    except (MemoryError, OSError) as error:
        return Executed({}, walk.kept, NotRun("", "", fault(error)), *about)
    except FAULTS as error:
        # Before the first step: what a layer or an operation holds makes no sense.
        why = f"its structure makes no sense: {fault(error)}"
        return Executed({}, walk.kept, NotRun("", "", why), *about)
    numbers = {
        feature.name: made[feature.name]
        for feature in network.outputs
        if feature.name in made and feature.kind != TEXT and made[feature.name].dtype.kind != "U"
    }
    return Executed(numbers, walk.kept, None, *about, walk.replaced)


def _entering(
    features: Sequence[Feature], inputs: Mapping[str, np.ndarray]
) -> Tuple[Dict[str, np.ndarray], List[str]]:
    """The inputs in the form that `Execution.run` takes, and the names of prepared images."""
    require_names(features, inputs)
    given: Dict[str, np.ndarray] = {}
    prepared: List[str] = []
    for feature in features:
        if feature.name not in inputs:
            continue
        array = np.asarray(inputs[feature.name])
        if array.dtype.kind not in "fiub":
            raise UsageError(
                f"the input `{feature.name}` is not an array of numbers", "pass a NumPy array"
            )
        if feature.kind == IMAGE:
            if array.dtype != np.uint8:
                prepared.append(feature.name)
            array = planes(feature, array)
        elif feature.kind == ARRAY:
            array = arranged(feature, array)
        given[feature.name] = array
    return given, prepared


def require_names(features: Sequence[Feature], inputs: Mapping[str, object]) -> None:
    """Refuse inputs of which one is missing, or none of the model's.

    Raises:
        UsageError: says which.
    """
    names = [feature.name for feature in features]
    listed = quoted(names)
    if not isinstance(inputs, Mapping):
        raise UsageError(
            f"the inputs are a `{type(inputs).__name__}`",
            f"pass a dictionary with a value for each of {listed}",
        )
    unknown = [name for name in inputs if name not in names]
    if unknown:
        raise UsageError(f"the model has no input `{unknown[0]}`", f"its inputs are {listed}")
    missing = [one.name for one in features if one.name not in inputs and not one.optional]
    if missing:
        raise UsageError(
            f"the input `{missing[0]}` is missing", "pass a value for every input of the model"
        )


def arranged(feature: Feature, array: np.ndarray) -> np.ndarray:
    """The array in a shape that the input declares; axes of one are added or dropped for that.

    Raises:
        UsageError: it fits none.
    """
    if not feature.shape or feature.takes(array.shape):
        return array
    if feature.ranges:
        rank, ones = len(feature.ranges), array.ndim - len(feature.ranges)
        if ones > 0 and array.shape[:ones] == (1,) * ones and feature.takes(array.shape[ones:]):
            return array.reshape(array.shape[ones:])
        shape = (1,) * (rank - array.ndim) + array.shape
        if feature.takes(shape):
            return array.reshape(shape)
    else:
        for shape in (feature.shape, *feature.shapes):
            if _without_ones(shape) == _without_ones(array.shape):
                return array.reshape(shape)
    rank = len(feature.ranges or feature.shape)
    if feature.batched and rank < array.ndim <= 5 and feature.takes(array.shape[-rank:]):
        return array
    raise UsageError(
        f"the input `{feature.name}` takes an array of shape {list(feature.shape)}, and gets "
        f"{list(array.shape)}",
        "pass one of a shape that the model declares",
    )


def _without_ones(shape: Tuple[int, ...]) -> Tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def planes(feature: Feature, array: np.ndarray) -> np.ndarray:
    """A picture as [1, C, H, W]; it may be [H, W], [H, W, C] or [C, H, W], with axes of one.

    Raises:
        UsageError: it has another number of channels, or a size that the input does not take.
    """
    found, channels = array, feature.channels
    if found.ndim == 2:
        found = found[np.newaxis]
    elif found.ndim == 3 and found.shape[-1] == channels and found.shape[0] != channels:
        found = np.moveaxis(found, -1, 0)  # rows of pixels
    lead = found.shape[:-3]
    if found.ndim < 3 or found.shape[-3] != channels or any(size != 1 for size in lead):
        wanted = size_text((channels, *feature.shape))
        raise UsageError(
            f"the input `{feature.name}` is an image of {wanted} (channels × height × width), and "
            f"gets an array of shape {list(array.shape)}",
            "pass one image in the colours that the model takes",
        )
    height, width = tuple(found.shape)[-2:]
    if not feature.takes((height, width)):
        raise UsageError(
            f"the input `{feature.name}` does not take an image of {height}×{width} pixels",
            f"resize it to {feature.shape[0]}×{feature.shape[1]} (height × width)",
        )
    return found.reshape((1,) + found.shape[-3:])
