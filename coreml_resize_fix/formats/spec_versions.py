"""Specification versions and the iOS releases that read them."""

import re
from typing import Dict, List

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


# How far the number of another system is from that of the iOS of its year; from 26 on they agree.
# Source: the comments on specificationVersion in Apple's Model.proto.
_APART = {"macos": 3, "watchos": 7, "tvos": 0}
_NEW_NUMBERS = 26


def known_targets() -> List[str]:
    """Every deployment target, as `--deployment-target` takes it."""
    return ["iOS" + version for version in MINIMUM_IOS.values()]


def parse_target(text: str) -> int:
    """The highest specification version that a target such as `iOS12` or `ios11.2` reads.

    Raises:
        UsageError: it is not of that form, below iOS 11, or there is no such iOS.
    """
    found = re.match(r"^(?:ios)?\s*(\d+)(?:\.(\d))?$", text.strip(), re.IGNORECASE)
    asked = (int(found.group(1)), int(found.group(2) or 0)) if found is not None else (0, 0)
    releases = {
        version: tuple(int(part) for part in (ios + ".0").split(".")[:2])
        for version, ios in MINIMUM_IOS.items()
    }
    if asked[0] not in (major for major, _ in releases.values()):
        raise UsageError(
            f"`{text}` is not a deployment target{_as_ios(text)}",
            f"pass one of {', '.join(known_targets())}, with or without a minor version",
        )
    return max(version for version, release in releases.items() if release <= asked)


def _as_ios(text: str) -> str:
    """What is meant by the name of another system."""
    found = re.match(r"^(macos|watchos|tvos) ?(\d+)(?:\.(\d+))?", text.strip().lower())
    if found is None:
        return ""
    system, major, minor = found.group(1), int(found.group(2)), int(found.group(3) or 0)
    if system == "macos" and major == 10:
        ios = minor - 2  # 10.13 came with iOS 11
    else:
        ios = major if major >= _NEW_NUMBERS else major + _APART[system]
    named = str(ios) in MINIMUM_IOS.values()
    return f": targets are named by iOS, here `iOS{ios}`" if named else ""
