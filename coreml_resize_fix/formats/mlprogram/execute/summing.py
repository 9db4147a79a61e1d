"""Operations that sum up, normalize, sort, or multiply matrices.

Source: the documentation of MIL's reduction, normalization and linear operations.
"""

import math
import re
from typing import Dict, List, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.execute.call import Call, Kinds
from coreml_resize_fix.verify.kernels import (
    activations,
    arrays,
    elementwise,
    normalization,
    reductions,
)
from coreml_resize_fix.verify.kernels.checks import (
    KernelError,
    count_of,
    need_effort,
    need_rank,
    need_room,
)


def reduce(call: Call) -> np.ndarray:
    """Without `axes` all are reduced. reduce_log_sum adds nothing to its sum."""
    x = call.array()
    axes = call.whole("axes") if "axes" in call else None
    return reductions.reduce(call.kind[len("reduce_") :], x, axes, call.flag("keep_dims"))


def extreme_index(call: Call) -> np.ndarray:
    largest = call.kind.endswith("argmax")
    axis, keep = call.size("axis", -1), call.flag("keep_dims")
    return reductions.extreme_index(call.array(), axis, largest, keep)


def argsort(call: Call) -> np.ndarray:
    return reductions.argsort(call.array(), call.size("axis", -1), not call.flag("ascending"))


def topk(call: Call) -> List[np.ndarray]:
    smallest = call.flag("ascending")
    values, places = reductions.top(
        call.array(), call.size("k", 1), call.size("axis", -1), smallest
    )
    return [values, places][: len(call.operation.outputs)]


def cumsum(call: Call) -> np.ndarray:
    ways = call.flag("exclusive"), call.flag("reverse")
    return reductions.cumulative_sum(call.array(), call.size("axis", 0), *ways)


def batch_norm(call: Call) -> np.ndarray:
    return normalization.batch_norm(
        call.array(),
        call.array("mean"),
        call.array("variance"),
        call.optional("gamma"),
        call.optional("beta"),
        call.number("epsilon", 1e-5),
        axis=1,
    )


def instance_norm(call: Call) -> np.ndarray:
    x = call.array()
    need_rank(x, 3)
    made = normalization.mean_variance_norm(x, range(2, x.ndim), call.number("epsilon", 1e-5))
    for name, apply in (("gamma", np.multiply), ("beta", np.add)):
        if name in call:
            numbers = call.array(name).reshape((-1,) + (1,) * (x.ndim - 2))
            apply(made, numbers, out=made)
    return made


def layer_norm(call: Call) -> np.ndarray:
    x = call.array()
    axes = call.whole("axes", range(x.ndim))
    gamma, beta = call.optional("gamma"), call.optional("beta")
    return normalization.layer_norm(x, axes, gamma, beta, call.number("epsilon", 1e-5))


def l2_norm(call: Call) -> np.ndarray:
    need_rank(call.array(), 3)
    return normalization.length_norm(call.array(), call.number("epsilon", 1e-6))


def local_response_norm(call: Call) -> np.ndarray:
    return normalization.local_response_norm(
        call.array(),
        call.size("size"),
        call.number("alpha", 1e-4),
        call.number("beta", 0.75),
        call.number("k", 1.0),
        axis=1,
    )


def linear(call: Call) -> np.ndarray:
    """x @ weight^T + bias."""
    made = arrays.matmul(call.array(), call.array("weight"), transpose_right=True)
    return elementwise.binary("add", made, call.array("bias")) if "bias" in call else made


def matmul(call: Call) -> np.ndarray:
    ways = call.flag("transpose_x"), call.flag("transpose_y")
    return arrays.matmul(call.array("x"), call.array("y"), *ways)


_EQUATION = re.compile(r"^[A-Za-z]+(,[A-Za-z]+)*->[A-Za-z]*$")


def einsum(call: Call) -> np.ndarray:
    """Einstein's sums, each letter one axis."""
    values, equation = call.arrays("values"), call.word("equation").replace(" ", "")
    if not _EQUATION.match(equation):
        raise KernelError(f"has the equation `{equation}`, which is not known here")
    given, made = equation.split("->")
    sizes: Dict[str, int] = {}
    for letters, value in zip(given.split(","), values):
        sizes.update(zip(letters, value.shape))
    need_room(sizes.get(letter, 1) for letter in made)
    need_effort(count_of(sizes.values()))
    return np.asarray(np.einsum(equation, *values, optimize=True))


def attention(call: Call) -> np.ndarray:
    """softmax(q k^T / sqrt(its last size) + mask) v; of a mask of truth values, false is left out.

    In blocks of rows, so that no more than a share of all products is in memory.
    """
    query, key, value = (call.array(name) for name in ("query", "key", "value"))
    mask = call.optional("attn_mask")
    scale = query.dtype.type(1 / math.sqrt(query.shape[-1]))
    need_room((*query.shape[:-1], value.shape[-1]))
    rows = max(1, (1 << 24) // max(1, key.shape[-2] * int(np.prod(query.shape[:-2]))))
    made = []
    for first in range(0, query.shape[-2], rows):
        part = slice(first, first + rows)
        scores = arrays.matmul(query[..., part, :] * scale, key, transpose_right=True)
        if mask is not None:
            near = mask[..., part, :] if mask.shape[-2] != 1 else mask
            scores = (
                elementwise.choose(near, scores, np.array(-np.inf, scores.dtype))
                if mask.dtype == bool
                else elementwise.binary("add", scores, near)
            )
        made.append(arrays.matmul(activations.softmax(scores, -1), value))
    return np.concatenate(made, axis=-2)


_REDUCTIONS: Tuple[str, ...] = tuple(f"reduce_{name}" for name in reductions.REDUCTIONS)

KINDS: Kinds = {
    **dict.fromkeys(_REDUCTIONS, reduce),
    "argsort": argsort,
    "batch_norm": batch_norm,
    "cumsum": cumsum,
    "einsum": einsum,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "linear": linear,
    "local_response_norm": local_response_norm,
    "matmul": matmul,
    "reduce_argmax": extreme_index,
    "reduce_argmin": extreme_index,
    "scaled_dot_product_attention": attention,
    "topk": topk,
}
