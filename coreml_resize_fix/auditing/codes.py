"""The codes of what is wrong with a layer, an intent or a whole model."""

from enum import Enum


class Code(str, Enum):
    """A member's name is what is wrong, its value what reports show and scripts filter by."""

    SHIFTED_GRID = "RSZ101"
    WRONG_SIZE = "RSZ102"
    NEAREST_BECAME_BILINEAR = "RSZ103"
    ANTIALIAS_DROPPED = "RSZ104"
    OTHER_KERNEL = "RSZ105"
    LAYER_ABOVE_TARGET = "RSZ106"
    MODE_MISSING = "RSZ107"
    SIZE_DEPENDS_ON_ROUNDING = "RSZ108"
    PIXEL_LEFT_OPEN = "RSZ109"
    DIFFERS_BETWEEN_SYSTEMS = "RSZ111"
    NO_INTENT = "RSZ201"
    AMBIGUOUS_INTENT = "RSZ202"
    MERGED_CALLS = "RSZ203"
    CONTRADICTING_SIZES = "RSZ204"
    CALL_WITHOUT_LAYER = "RSZ205"
    SIZE_DOES_NOT_FIT = "RSZ206"
    NOT_JUDGED = "RSZ207"
    SIZE_UNDECIDED = "RSZ208"
    HALF_PIXEL_UNAVAILABLE = "RSZ301"
    SCALE_FACTOR_GRID = "RSZ302"
    NEAREST_NOT_INTEGER = "RSZ303"
    KERNEL_UNAVAILABLE = "RSZ304"
    FLEXIBLE_INPUT = "RSZ305"
    TARGET_TOO_LOW = "RSZ306"
    SIZE_UNKNOWN = "RSZ307"
    SEVERAL_LAYERS_NEEDED = "RSZ309"
    CANNOT_RUN = "RSZ401"
    SIZES_THAT_CANNOT_RUN = "RSZ402"
    OUTPUT_DIFFERS = "RSZ403"

    def __str__(self) -> str:
        return self.value
