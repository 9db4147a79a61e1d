"""The function of every kind of layer that is computed; docs/executor.md lists them.

Whether devices compute the same: `executor` of conventions/measured.json.
"""

from typing import Any, Callable, List, Optional, Sequence

import numpy as np

from coreml_resize_fix.formats.neuralnetwork.execute import (
    making,
    numbers,
    shaping,
    spatial,
    summing,
    volumes,
)
from coreml_resize_fix.formats.neuralnetwork.execute.call import Kinds, LayerCall
from coreml_resize_fix.formats.neuralnetwork.execute.stored import Parts
from coreml_resize_fix.verify.kernels.checks import KernelError

FAMILIES = (numbers, spatial, volumes, summing, shaping, making)

KINDS: Kinds = {kind: made for family in FAMILIES for kind, made in family.KINDS.items()}

# These run layers inside of them; `run` computes them.
CONTROL = ("branch", "loop", "loopBreak", "loopContinue")


def compute(
    layer: Any,
    inputs: Sequence[np.ndarray],
    dtype: np.dtype,
    parts: Optional[Callable[[Sequence[str]], Parts]] = None,
) -> List[np.ndarray]:
    """The blobs that a NeuralNetworkLayer makes of those it reads, floating numbers of this dtype.

    Raises:
        KernelError: its kind is not known here, or used as its documentation forbids.
    """
    kind = layer.WhichOneof("layer")
    if kind not in KINDS:
        raise KernelError(f"is a `{kind}` layer, which is not known here")
    made = KINDS[kind](LayerCall(layer, inputs, dtype, parts))
    found = made if isinstance(made, list) else [made]
    return [np.asarray(one, dtype) for one in found]
