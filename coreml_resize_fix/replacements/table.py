"""The table of replacements, and the steps of each for a case, without cost and format.

Whether devices compute what they are written as: `replacements` of conventions/measured.json.
"""

from typing import Callable, NamedTuple, Optional, Tuple

from coreml_resize_fix.replacements import filters, one_size
from coreml_resize_fix.replacements.case import Case
from coreml_resize_fix.replacements.steps import Steps

# Weights of one replacement, 64 MiB of float32: matrices between sides of 4096 pixels. They are in
# memory several times while they are built and compared.
_MOST_WEIGHTS = 1 << 24


class Replacement(NamedTuple):
    """Steps that may compute an intent.

    Nothing here states whether they do: `find` derives the steps from the intent's own map, and
    returns None unless they compute that map to 1e-9.

    follows_flexible: works at any input size.
    """

    name: str
    find: Callable[[Case], Optional[Steps]]
    follows_flexible: bool = False

    def steps(self, case: Case) -> Optional[Steps]:
        """The steps in order; None if they cannot express the case."""
        if case.is_flexible and not self.follows_flexible:
            return None
        found = self.find(case)
        return found if found and sum(step.numbers for step in found) <= _MOST_WEIGHTS else None


REPLACEMENTS: Tuple[Replacement, ...] = (
    Replacement("deconvolution", filters.deconvolution, follows_flexible=True),
    Replacement("strided convolution", filters.strided_convolution, follows_flexible=True),
    Replacement("Upsample and crop", filters.upsample_and_crop, follows_flexible=True),
    Replacement("padded resize", one_size.padded_resize),
    Replacement("CropResize", one_size.crop_resize),
    Replacement("gather", one_size.gather),
    Replacement("matrix product", one_size.matrices),
)
