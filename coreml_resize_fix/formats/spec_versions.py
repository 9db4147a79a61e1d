"""Specification versions and the iOS releases that read them."""

import re
from typing import Dict

from coreml_resize_fix.errors import UsageError

# Source: the comments on specificationVersion in Apple's Model.proto.
MINIMUM_IOS: Dict[int, str] = {
    1: "11",
    2: "11.2",
    3: "12",
    4: "13",
    5: "14",
    6: "15",
    7: "16",
    8: "17",
    9: "18",
    10: "26",
}
RESIZE_BILINEAR = 3
UPSAMPLE_MODES = 5


def minimum_ios(spec_version: int) -> str:
    """The lowest iOS that reads this version; "?" for a version that is not known yet."""
    return MINIMUM_IOS.get(max(spec_version, 1), "?")


def parse_target(text: str) -> int:
    """The highest specification version that a target such as `iOS12` or `ios11.2` reads.

    Raises:
        UsageError: it is not of that form, or below iOS 11.
    """
    found = re.match(r"^(?:ios)?\s*(\d+)(?:\.(\d+))?$", text.strip(), re.IGNORECASE)
    asked = (int(found.group(1)), int(found.group(2) or 0)) if found is not None else (0, 0)
    readable = [
        version
        for version, ios in MINIMUM_IOS.items()
        if tuple(int(part) for part in (ios + ".0").split(".")[:2]) <= asked
    ]
    if not readable:
        raise UsageError(
            f"`{text}` is not a deployment target",
            "write it like `iOS12`; iOS 11 is the lowest with Core ML",
        )
    return max(readable)
