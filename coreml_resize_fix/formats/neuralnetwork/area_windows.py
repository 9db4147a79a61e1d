"""Find maps assembled from means of windows, as coremltools writes adaptive average pooling.

If no pooling layer has the windows, coremltools slices each one, averages it and joins the means:
sliceStatic → pooling → concatND → reshapeStatic.
"""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from coreml_resize_fix.formats.model import Averaged, Window
from coreml_resize_fix.formats.neuralnetwork import pooling


def find(layers: Sequence[Any]) -> List[Averaged]:
    """Every blob that these NeuralNetworkLayer messages assemble from means of windows."""
    made = {name: layer for layer in layers for name in layer.output}
    read: Dict[str, List[Any]] = {}
    for layer in layers:
        for name in layer.input:
            read.setdefault(name, []).append(layer)
    found = []
    for layer in layers:
        if layer.WhichOneof("layer") != "concatND" or int(layer.concatND.axis) != -1:
            continue
        slices = [_slice(made.get(name), made) for name in layer.input]
        whole = [part for part in slices if part is not None]
        if len(whole) == len(slices) and len({part[:2] for part in whole}) == 1:
            windows = tuple(part[2] for part in whole)
            found += [
                Averaged(whole[0][1], size, windows)
                for reader in read.get(layer.output[0], [])
                for size in _size(reader, whole[0][1], len(windows))
            ]
    return found


def _slice(mean: Any, made: Dict[str, Any]) -> Optional[Tuple[str, int, Window]]:
    """The blob, its channels and the window that a layer is the mean of."""
    params = pooling.read(mean) if mean is not None else None
    cut = made.get(mean.input[0]) if params is not None and params.kernel is None else None
    if cut is None or cut.WhichOneof("layer") != "sliceStatic":
        return None
    ids = cut.sliceStatic
    begins, ends = [int(n) for n in ids.beginIds], [int(n) for n in ids.endIds]
    steps = [int(n) for n in ids.strides]
    masks = (ids.beginMasks, ids.endMasks, getattr(ids, "squeezeMasks", ()))  # from iOS 15 on
    is_whole = not any(map(any, masks))
    if not is_whole or steps != [1] * 4 or len(ends) != 4 or begins[:2] != [0, 0] or ends[0] != 1:
        return None
    return cut.input[0], ends[1], (begins[2], ends[2], begins[3], ends[3])


def _size(reader: Any, channels: int, count: int) -> List[Tuple[int, int]]:
    """The (height, width) to which a reshape brings `count` pixels in a row, if it is one."""
    if reader.WhichOneof("layer") != "reshapeStatic":
        return []
    shape = [int(n) for n in reader.reshapeStatic.targetShape]
    if len(shape) != 4 or shape[:2] != [1, channels] or shape[2] * shape[3] != count:
        return []
    return [(shape[2], shape[3])]
