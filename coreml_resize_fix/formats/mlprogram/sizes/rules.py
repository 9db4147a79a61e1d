"""The size rule of every operation that has one; docs/shapes.md lists them."""

from typing import Callable, Dict, Sequence

from coreml_resize_fix.formats.mlprogram.sizes import (
    elementwise,
    joining,
    recurrent,
    reshaping,
    spatial,
)
from coreml_resize_fix.formats.mlprogram.sizes.call import OperationCall
from coreml_resize_fix.formats.shapes import Dims

Rule = Callable[[OperationCall], Sequence[Dims]]

RULES: Dict[str, Rule] = {
    **elementwise.RULES,
    **joining.RULES,
    **recurrent.RULES,
    **reshaping.RULES,
    **spatial.RULES,
}
