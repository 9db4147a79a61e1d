"""What only a device can say of Core ML, and what devices have said: `measured.json`.

Code that decides by such a fact names the key of its question in a comment; `decides` names the
code. docs/conformance.md says how answers come here.
"""

import fnmatch
import json
import os
from functools import lru_cache
from typing import NamedTuple, Optional, Tuple

_FILE = os.path.join(os.path.dirname(__file__), "measured.json")


class Answer(NamedTuple):
    """`unit`, `device` and `system` are None where the source does not say them."""

    answer: str
    unit: Optional[str]
    device: Optional[str]
    system: Optional[str]
    source: str


class Question(NamedTuple):
    """`cases` are patterns of the names of the conformance cases that answer it; `decides` is the
    code that depends on the answer, as `module.name` inside the package."""

    key: str
    question: str
    cases: Tuple[str, ...]
    decides: Tuple[str, ...]
    answers: Tuple[Answer, ...]

    def is_asked_by(self, case: str) -> bool:
        """Whether the case of that name answers it."""
        return any(fnmatch.fnmatchcase(case, pattern) for pattern in self.cases)


@lru_cache(maxsize=None)
def questions() -> Tuple[Question, ...]:
    """All of them, answered or not."""
    with open(_FILE, encoding="utf-8") as file:
        found = json.load(file)["questions"]
    return tuple(
        Question(
            one["key"],
            one["question"],
            tuple(one["cases"]),
            tuple(one["decides"]),
            tuple(Answer(**answer) for answer in one["answers"]),
        )
        for one in found
    )


def asked_by(case: str) -> Tuple[str, ...]:
    """The keys of the questions that a case answers."""
    return tuple(one.key for one in questions() if one.is_asked_by(case))
