"""Write steps as operations of a program: their parameters, their version, their types."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from coreml_resize_fix.formats.mlprogram.chain import OperationChain
from coreml_resize_fix.formats.mlprogram.operations import IOS15, IOS16, IOS17
from coreml_resize_fix.formats.mlprogram.steps import Constant, Input, Made, Packed, Read, Step
from coreml_resize_fix.formats.mlprogram.storing import LARGEST_INLINE
from coreml_resize_fix.formats.shapes import Dims
from coreml_resize_fix.replacements import steps
from coreml_resize_fix.replacements.format import Purpose, Way
from coreml_resize_fix.replacements.steps import AXES, HEIGHT

if TYPE_CHECKING:
    from coreml_resize_fix.formats.mlprogram.place import OperationPlace

_RANK4 = 4  # of images that a convolution takes
_EQUAL = 1e-12

Inputs = Tuple[Tuple[str, Input], ...]


class _Context(NamedTuple):
    """What the parameters of an operation depend on beside its step.

    image: what it reads. rank: of the image. data_type: of the image and of weights. version: the
    specification version of the opset.
    """

    image: Input
    rank: int
    data_type: str
    version: int

    def weights(self, values: np.ndarray) -> Packed:
        """Weights in the type of the image, each rounded once."""
        code = "<f2" if self.data_type == "FLOAT16" else "<f4"
        return Packed(self.data_type, values.astype(code).tobytes(), values.shape)


_FALSE = Constant("BOOL", (False,))


def _word(value: str) -> Constant:
    return Constant("STRING", (value,))


def _whole(*values: int) -> Constant:
    return Constant("INT32", values, (len(values),))


def _one(value: int) -> Constant:
    return Constant("INT32", (value,))


def _gather(step: steps.Gather, context: _Context) -> Inputs:
    index = np.array(step.indices, "<i4")
    given: List[Tuple[str, Input]] = [
        ("x", context.image),
        ("indices", Packed("INT32", index.tobytes(), index.shape)),
        ("axis", _one(context.rank - 2 + step.axis)),
    ]
    if context.version >= IOS16:
        given.append(("batch_dims", _one(0)))
    if context.version >= IOS17:
        given.append(("validate_indices", _FALSE))
    return tuple(given)


def _matmul(step: steps.MatMul, context: _Context) -> Inputs:
    """The matrix of rank 2 is broadcast over what is before height and width."""
    matrix = step.map.matrix
    held = matrix if step.axis == HEIGHT else np.ascontiguousarray(matrix.T)
    factors: List[Input] = [context.weights(held), context.image]
    first, second = factors if step.axis == HEIGHT else factors[::-1]
    plain = (("transpose_x", _FALSE), ("transpose_y", _FALSE))
    return (("x", first), ("y", second), *plain)


def _pad(step: steps.RepeatEdges, context: _Context) -> Inputs:
    return (
        ("x", context.image),
        ("pad", _whole(*step.rows, *step.columns)),
        ("mode", _word("replicate")),
        ("constant_val", Constant(context.data_type, (0.0,))),
    )


def _slice(step: steps.Crop, context: _Context) -> Inputs:
    """Ends are counted from the end: so it works at any size."""
    lead = context.rank - 2
    cuts = (step.rows, step.columns)
    begin = (0,) * lead + tuple(first for first, _ in cuts)
    end = (0,) * lead + tuple(-last for _, last in cuts)
    whole = tuple(not last for last in end)
    return (
        ("x", context.image),
        ("begin", _whole(*begin)),
        ("end", _whole(*end)),
        ("begin_mask", Constant("BOOL", tuple(not first for first in begin), (len(begin),))),
        ("end_mask", Constant("BOOL", whole, (len(end),))),
    )


def _convolution(step: steps.Convolution, context: _Context) -> Inputs:
    """Of a Depthwise or a Deconvolution: one group per channel, the same kernel in each."""
    kernels = step.rows, step.columns
    pattern = np.outer(step.rows.weights, step.columns.weights)
    weight = np.broadcast_to(pattern, (step.channels, 1, *pattern.shape))
    cut = tuple(kernel.crop for kernel in kernels for _ in range(2))
    return (
        ("x", context.image),
        ("weight", context.weights(weight)),
        ("strides", _whole(*(kernel.stride for kernel in kernels))),
        ("pad_type", _word("custom" if any(cut) else "valid")),
        ("pad", _whole(*cut)),
        ("dilations", _whole(1, 1)),
        ("groups", _one(step.channels)),
    )


def _average(step: steps.Depthwise, context: _Context) -> Inputs:
    sizes = np.array([len(step.rows.weights), len(step.columns.weights)], "<i4")
    return (
        ("x", context.image),
        # Packed, so that it is a constant of its own in every file: its name marks the operation.
        ("kernel_sizes", Packed("INT32", sizes.tobytes(), sizes.shape)),
        ("strides", _whole(step.rows.stride, step.columns.stride)),
        ("pad_type", _word("valid")),
        ("pad", _whole(0, 0, 0, 0)),
        ("exclude_padding_from_average", _FALSE),
        ("ceil_mode", _FALSE),
    )


def _upsample(step: steps.UpsampleBilinear, context: _Context) -> Inputs:
    """The grid i / s: half-pixel centers came with iOS 16, and so did doing without them."""
    return (
        ("x", context.image),
        ("scale_factor_height", _one(step.factors[0])),
        ("scale_factor_width", _one(step.factors[1])),
        ("align_corners", _FALSE),
        ("half_pixel_centers", _FALSE),
    )


def _resize(step: steps.ResizeBilinear, context: _Context) -> Inputs:
    return (
        ("x", context.image),
        ("target_size_height", _one(step.size[0])),
        ("target_size_width", _one(step.size[1])),
        ("sampling_mode", _word("UNALIGN_CORNERS")),
    )


class _Form(NamedTuple):
    """How a step is written: the operation, since when there is one, and its parameters.

    computes: it rounds what it makes; others hand pixels on. images: it takes rank 4 only.
    """

    kind: str
    spec_version: int
    inputs: Callable[[Any, _Context], Inputs]
    computes: bool = True
    images: bool = False


# Nothing stands for CropResize: the box of `crop_resize` has the type of the image until iOS 17,
# and in half precision it is 0.015 pixels off.
FORMS: Dict[type, _Form] = {
    steps.RepeatEdges: _Form("pad", IOS15, _pad, computes=False),
    steps.Crop: _Form("slice_by_index", IOS15, _slice, computes=False),
    steps.Depthwise: _Form("conv", IOS15, _convolution, images=True),
    steps.Deconvolution: _Form("conv_transpose", IOS15, _convolution, images=True),
    steps.UpsampleBilinear: _Form("upsample_bilinear", IOS16, _upsample),
    steps.ResizeBilinear: _Form("resize_bilinear", IOS15, _resize),
    steps.Gather: _Form("gather", IOS15, _gather, computes=False),
    steps.MatMul: _Form("matmul", IOS15, _matmul),
}
_POOLING = _Form("avg_pool", IOS15, _average, images=True)
_FLOATING = {"FLOAT16": "fp16", "FLOAT32": "fp32"}


class OperationWay(Way):
    """Operations that replace one, in order of execution."""

    def __init__(
        self,
        place: "OperationPlace",
        replacing: Sequence[steps.Step],
        forms: Sequence[_Form],
        name: str = "",
    ) -> None:
        self._place, self._replacing, self._forms = place, replacing, forms
        self.name = name
        self._casts = (
            place.in_float32
            and place.data_type == "FLOAT16"
            and any(form.computes for form in forms)
        )
        self.count = len(replacing) + (2 if self._casts else 0)
        self.spec_version = max(form.spec_version for form in forms)

    def write(self, purpose: Purpose) -> OperationChain:
        """The operations as parameters of a resize."""
        dims = self._place.dims
        assert dims is not None
        return OperationChain(
            purpose.name,
            tuple(self._operations(dims)),
            size=purpose.size,
            factor=purpose.factor,
            multiply_adds=purpose.multiply_adds,
            rank=len(dims),
            channels=dims[-3],
        )

    def _operations(self, dims: Dims) -> List[Step]:
        made: List[Step] = []
        image: Input = Read()
        data_type = self._place.data_type
        if self._casts:
            data_type = "FLOAT32"
            made.append(_cast(image, data_type, dims))
            image = Made(0)
        for step, form in zip(self._replacing, self._forms):
            context = _Context(image, len(dims), data_type, self._place.version)
            dims = _after(step, dims)
            made.append(Step(form.kind, form.inputs(step, context), dims, data_type))
            image = Made(len(made) - 1)
        if self._casts:
            made.append(_cast(image, self._place.data_type, dims))
        return made


def _cast(image: Input, data_type: str, dims: Dims) -> Step:
    return Step("cast", (("x", image), ("dtype", _word(_FLOATING[data_type]))), dims, data_type)


def _after(step: steps.Step, dims: Dims) -> Dims:
    """The dimensions of what a step makes; those that vary still do."""
    sizes: List[Optional[int]] = []
    for axis, size in zip(AXES, dims[-2:]):
        part = step.along(axis, size) if size is not None else None
        sizes.append(size if part is None else part.output_size)
    return dims[:-2] + tuple(sizes)


def ways(place: "OperationPlace", replacing: Sequence[steps.Step]) -> List[OperationWay]:
    """Every way of writing steps as operations in a place; empty if there is none."""
    forms = [FORMS.get(type(step)) for step in replacing]
    found = [form for form in forms if form is not None]
    dims = place.dims
    if len(found) != len(forms) or dims is None or len(dims) < 3:
        return []
    if any(form.images for form in found) and len(dims) != _RANK4:
        return []
    if place.data_type not in _FLOATING and any(form.kind != "gather" for form in found):
        return []  # `resize` takes whole numbers, too, and only copying keeps them
    width = 2 if place.data_type == "FLOAT16" and not place.in_float32 else 4
    largest = max(step.numbers * width for step in replacing)
    if largest > LARGEST_INLINE and not place.may_store:
        return []
    if len(replacing) == 1 and _is_mean(replacing[0]):
        # The same sums without weights, which would be rounded.
        return [OperationWay(place, replacing, [_POOLING], "average pooling")]
    return [OperationWay(place, replacing, found)]


def _is_mean(step: steps.Step) -> bool:
    """Whether every output is the mean of the pixels under the kernel."""
    return isinstance(step, steps.Depthwise) and all(
        abs(weight * len(kernel.weights) - 1) < _EQUAL
        for kernel in (step.rows, step.columns)
        for weight in kernel.weights
    )
