"""Assign the arrays of a reference to the inputs and outputs of a model.

By name where the names are equal, else by order; where shapes contradict the order and leave one
other way, by shape. Shapes agree up to axes of one, and up to the place of the channels: last, as
TensorFlow has them, or first. An array that fits both ways is taken as it is, but that of a network
with channels last: it enters an image, or an array [C, H, W] of Core ML before iOS 13, with its
channels in front, and outputs are as the inputs are. A notice says so.
"""

import re
from itertools import permutations
from typing import AbstractSet, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.errors import BadReferenceError, UsageError
from coreml_resize_fix.formats.features import ARRAY, CLASSES, IMAGE, NUMBER, Feature
from coreml_resize_fix.intents.reference import RECORD
from coreml_resize_fix.verify import layouts
from coreml_resize_fix.verify.network import arranged, planes
from coreml_resize_fix.words import count, quoted, size_text

Arrays = Mapping[str, np.ndarray]
Shape = Tuple[int, ...]

_MOST_TO_PERMUTE = 6  # 720 ways
_TENSOR_NUMBER = re.compile(r"(:|__)\d+$")
_PLANES = 3  # axes of an array [C, H, W], as Core ML had them before iOS 13


class Fitted(NamedTuple):
    """Arrays by the names of a model's features, and what a user should know of how they fit.

    `moved` are the names of those whose channels are in another place than in the reference.
    """

    arrays: Dict[str, np.ndarray]
    notices: List[str]
    moved: AbstractSet[str] = frozenset()


def pair(
    label: str,
    kind: str,
    wanted: Mapping[str, Optional[Shape]],
    arrays: Arrays,
    optional: Sequence[str] = (),
) -> Fitted:
    """The array of each wanted name, whose shape is given as far as it is known.

    `kind` is "input" or "output", for messages. `optional` names need no array.

    Raises:
        BadReferenceError: there is another number of arrays, and the names do not tell.
    """
    arrays = _renamed(list(wanted), arrays)
    needed = [name for name in wanted if name not in optional]
    if all(name in arrays for name in needed):
        return Fitted({name: arrays[name] for name in wanted if name in arrays}, [])
    names = list(wanted) if len(arrays) == len(wanted) else needed
    if len(arrays) != len(names):
        raise BadReferenceError(
            f"the reference `{label}` has {count(len(arrays), kind)} "
            f"({quoted(arrays)}), and the model has {len(names)} ({quoted(names)})",
            f"record the network that was converted, or name the arrays `{kind}_` and the name of "
            f"the model's {kind}",
        )
    found = {name: name for name in names if name in arrays}
    free = [name for name in names if name not in found]
    left = [name for name in arrays if name not in found.values()]
    found.update(_by_order(free, left, wanted, arrays))
    guessed = ", ".join(f"`{found[name]}` for `{name}`" for name in free)
    notice = (
        f"names of the reference are not those of the model: by order and shape, its {kind}s are "
        f"taken as {guessed}"
    )
    told = [notice] if len(names) > 1 else []  # of one there is nothing to mix up
    return Fitted({name: arrays[found[name]] for name in names}, told)


def _renamed(wanted: Sequence[str], arrays: Arrays) -> Arrays:
    """The arrays under the names of the model, where those are TensorFlow's of a tensor.

    The node `scores` makes the tensor `scores:0`, which tfcoreml writes as `scores__0`.
    """
    plain = {_TENSOR_NUMBER.sub("", name): name for name in wanted}
    same = {name: plain.get(_TENSOR_NUMBER.sub("", name), name) for name in arrays}
    is_one_to_one = len(plain) == len(wanted) and len(set(same.values())) == len(same)
    return {same[name]: array for name, array in arrays.items()} if is_one_to_one else arrays


def _by_order(
    names: Sequence[str],
    left: Sequence[str],
    wanted: Mapping[str, Optional[Shape]],
    arrays: Arrays,
) -> Dict[str, str]:
    """Names in order, or in the only other order in which all shapes fit."""

    def fits(order: Sequence[str]) -> bool:
        return all(
            layouts.fit(arrays[other], shape)
            for shape, other in zip((wanted[name] for name in names), order)
        )

    if not fits(left) and len(left) <= _MOST_TO_PERMUTE:
        others = [order for order in permutations(left) if fits(order)]
        if len(others) == 1:
            return dict(zip(names, others[0]))
    return dict(zip(names, left))


def fit_inputs(
    label: str,
    features: Sequence[Feature],
    arrays: Arrays,
    channels_last: Optional[bool] = None,
) -> Fitted:
    """What each input gets, in the shape that it declares; an image gets planes [1, C, H, W].

    `channels_last`: the network of the reference has them there, or in front; None is not known.

    Raises:
        BadReferenceError: an input takes no numbers, or gets another shape.
    """
    wanted: Dict[str, Optional[Shape]] = {}
    for feature in features:
        if feature.kind not in (ARRAY, IMAGE, NUMBER):
            raise BadReferenceError(
                f"the input `{feature.name}` of the model takes no numbers",
                "a reference can be compared with models of images and arrays alone",
            )
        wanted[feature.name] = _declared(feature)
    optional = [feature.name for feature in features if feature.optional]
    fitted = pair(label, "input", wanted, arrays, optional)
    given, notices, moved = {}, list(fitted.notices), set()
    for feature in features:
        if feature.name not in fitted.arrays:
            continue
        array = fitted.arrays[feature.name]
        in_front = bool(channels_last) and (feature.kind == IMAGE or len(feature.shape) == _PLANES)
        ways = _ways_in(feature, array, channels_last)
        chosen, doubt = _chosen(feature.name, array, ways, in_front)
        notices += doubt if channels_last else []
        moved.update([feature.name] if chosen is not array and feature.kind != IMAGE else [])
        given[feature.name] = _entering(label, feature, chosen)
        if feature.kind == IMAGE and array.dtype != np.uint8:
            notices.append(
                f"the reference has `{feature.name}` as a tensor, which enters behind the "
                "preprocessing of the image: scale, bias and color order were not checked; record "
                "the picture itself (uint8) to check them"
            )
    return Fitted(given, notices, moved)


def _ways_in(
    feature: Feature, array: np.ndarray, channels_last: Optional[bool]
) -> List[np.ndarray]:
    """The ways in which an array may be what a feature takes."""
    if feature.kind not in (ARRAY, IMAGE) or (feature.kind == ARRAY and channels_last is False):
        return [array]
    take = planes if feature.kind == IMAGE else arranged
    found = []
    for way in layouts.ways(array):
        try:
            take(feature, way)
        except UsageError:
            continue
        found.append(way)
    return found


def _chosen(
    name: str, array: np.ndarray, ways: Sequence[np.ndarray], in_front: bool
) -> Tuple[np.ndarray, List[str]]:
    """One of the ways in which an array fits, and a notice if there are several.

    The first is the array as it is. Where none fits, it is that, too.
    """
    if len(ways) < 2:
        return (ways[0] if ways else array), []
    chosen = ways[1] if in_front else ways[0]
    how = "moved to the front" if in_front else "left where they are"
    notice = (
        f"`{name}` of the reference fits with its channels last and first, as its sizes "
        f"{size_text(array.shape)} are alike: they were {how}; record an example whose "
        "height, width and channels differ to be sure"
    )
    return chosen, [notice]


def _declared(feature: Feature) -> Optional[Shape]:
    """The shape of an input that has only one; of an image as the planes that it has."""
    if feature.shapes or feature.ranges:
        return None
    return feature.planes


def _entering(label: str, feature: Feature, array: np.ndarray) -> np.ndarray:
    if feature.kind == NUMBER:
        return array
    if feature.kind == IMAGE:
        if array.dtype != np.uint8 and array.dtype.kind != "f":
            raise BadReferenceError(
                f"the image `{feature.name}` of the reference `{label}` is of type `{array.dtype}`",
                "a picture is uint8, and a tensor floating",
            )
    elif array.dtype.kind != "f" and "INT" not in feature.data_type:
        array = array.astype(np.float32)
    try:
        return planes(feature, array) if feature.kind == IMAGE else arranged(feature, array)
    except UsageError as error:
        raise BadReferenceError(
            f"the reference `{label}` is of another shape: {error.message}",
            f"{RECORD} on one example that the model takes",
        ) from error


def fit_outputs(
    label: str,
    features: Sequence[Feature],
    made: Mapping[str, Shape],
    arrays: Arrays,
    channels_last: Optional[bool] = None,
    in_front: bool = False,
) -> Fitted:
    """What each output of numbers should be; `made` are the shapes that the network makes of it.

    The label of a classifier is left out, as its probabilities say more. `channels_last`: the
    network of the reference has them there, or in front, where no converter moves them; None is not
    known. `in_front`: the inputs got theirs in front.

    Raises:
        BadReferenceError: there is another number of outputs, and the names do not tell.
    """
    is_classifier = any(feature.kind == CLASSES for feature in features)
    kinds = (ARRAY, IMAGE, CLASSES) if is_classifier else (ARRAY, IMAGE, NUMBER)
    judged = [feature for feature in features if feature.kind in kinds]
    wanted = {feature.name: made.get(feature.name) for feature in judged}
    fitted = pair(label, "output", wanted, arrays)
    found, notices = {}, list(fitted.notices)
    images = {feature.name for feature in judged if feature.kind == IMAGE}
    for name, array in fitted.arrays.items():
        ways = [array] if channels_last is False else layouts.fit(array, wanted[name])
        front = bool(channels_last) and (in_front or name in images)
        found[name], doubt = _chosen(name, array, ways, front)
        notices += doubt if channels_last else []
    moved = {name for name, array in found.items() if array is not fitted.arrays[name]}
    return Fitted(found, notices, moved)
