"""An average pooling layer as a value: which pixels each output is the mean of.

Formulas: the comments of `PoolingLayerParams`, `ValidPadding` and `SamePadding` in
NeuralNetwork.proto of the Core ML format specification.
"""

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.formats.window_mean import Window, WindowMean
from coreml_resize_fix.words import size_text

Pads = Tuple[Size, Size]  # (top, bottom), (left, right)

_AVERAGE = 1  # PoolingLayerParams.PoolingType
_TOP_LEFT_HEAVY = 1  # SamePadding.SamePaddingMode
_NONE: Pads = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Pooling(WindowMean):
    """Core ML's Pooling layer of the type AVERAGE; kernel and stride are (height, width).

    `padding` is valid, same or last (a window that begins inside the image counts); `heavy` says
    that `same` puts the odd pixel before the image. Without a `kernel` the image is one window.
    """

    kernel: Optional[Size] = None
    stride: Size = (1, 1)
    padding: str = "valid"
    pads: Pads = _NONE
    heavy: bool = False
    exclude_padding: bool = False

    @property
    def fixed_size(self) -> Optional[Size]:
        """(height, width) that the layer makes of any input: one pixel of the whole image."""
        return None if self.kernel else (1, 1)

    def output_size(self, input_size: Size) -> Size:
        """(height, width) that the layer makes of an input of (height, width) pixels."""
        height, width = (self._count(axis, size) for axis, size in enumerate(input_size))
        return height, width

    def _count(self, axis: int, size: int) -> int:
        if self.kernel is None:
            return 1
        kernel, stride = self.kernel[axis], self.stride[axis]
        if self.padding == "same":
            return -(-size // stride)
        room = size + sum(self.pads[axis]) - kernel
        return max(0, -(-room // stride) + 1 if self.padding == "last" else room // stride + 1)

    def window(self, axis: int, before: int, after: int) -> Window:
        """The windows along an axis where `before` pixels become `after`."""
        if self.kernel is None:
            return before, 1, 0
        kernel, stride = self.kernel[axis], self.stride[axis]
        if self.padding != "same":
            return kernel, stride, self.pads[axis][0]
        padded = max(0, (after - 1) * stride + kernel - before)
        return kernel, stride, (padded + 1) // 2 if self.heavy else padded // 2

    @property
    def leaves_out_padding(self) -> bool:
        """Whether the mean is that of the pixels of the image alone."""
        return self.exclude_padding

    def as_dict(self) -> Dict[str, Any]:
        """The fields under the names that the schema gives them; `padding` as it is called here."""
        return {
            "type": "AVERAGE",
            "kernelSize": list(self.kernel or ()),
            "stride": list(self.stride if self.kernel else ()),
            "padding": self.padding,
            "paddingAmounts": [list(edge) for edge in self.pads],
            "avgPoolExcludePadding": self.exclude_padding,
            "globalPooling": self.kernel is None,
        }

    def __str__(self) -> str:
        if self.kernel is None:
            return "Pooling AVERAGE of the whole map"
        kernel, stride = (size_text(pair) for pair in (self.kernel, self.stride))
        text = f"Pooling AVERAGE {kernel} stride {stride}"
        if self.padding != "valid":
            return f"{text} {self.padding}"
        return text if self.pads == _NONE else f"{text} padding {self.pads}"


def read(layer: Any) -> Optional[Pooling]:
    """The parameters of an average pooling layer; None for any other, and for one that no rule of
    the format describes in full."""
    if layer.WhichOneof("layer") != "pooling" or int(layer.pooling.type) != _AVERAGE:
        return None
    params = layer.pooling
    exclude = bool(params.avgPoolExcludePadding)
    if params.globalPooling:
        return Pooling(exclude_padding=exclude)
    kernel, stride = _pair(params.kernelSize, 3), _pair(params.stride, 1)
    if min(kernel + stride) < 1:
        return None
    padding = params.WhichOneof("PoolingPaddingType")
    if padding == "same":
        heavy = int(params.same.asymmetryMode) == _TOP_LEFT_HEAVY
        return Pooling(kernel, stride, "same", heavy=heavy, exclude_padding=exclude)
    if padding == "includeLastPixel":
        if any(params.includeLastPixel.paddingAmounts):
            return None
        # Without padding, the mean leaves out what the last window has beyond the image.
        return Pooling(kernel, stride, "last", exclude_padding=True)
    borders = params.valid.paddingAmounts.borderAmounts
    if len(borders) not in (0, 2):
        return None
    edges = [(int(edge.startEdgeSize), int(edge.endEdgeSize)) for edge in borders]
    pads = (edges[0], edges[1]) if edges else _NONE
    return Pooling(kernel, stride, pads=pads, exclude_padding=exclude)


def _pair(values: Any, default: int) -> Size:
    numbers = [int(n) for n in values]
    if len(numbers) not in (0, 2):
        return 0, 0
    return (numbers[0], numbers[1]) if numbers else (default, default)
