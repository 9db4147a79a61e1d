"""Match intents by the scopes in names, as TensorFlow and Keras write them.

A node `model/up/resize/ResizeBilinear`, the Keras layer `up` that made it and what converters make
of the name share parts in a row: `model/up/resize/ResizeBilinear_channel_first_upsample_bilinear`,
`StatefulPartitionedCall/model/up/resize/ResizeBilinear:0`, or `model_up_resize_ResizeBilinear` in
an ML Program. The longest name that a layer has in it is the one that it is of.

A scope that is entered again gets a count, and Keras 3 enters each of them twice: there the layer
`up` writes `up_1`, and `up_1` writes `up_1_2`. So `up_1` may be of either, and what all names say
together decides how they are read.
"""

import re
from collections import Counter
from functools import partial
from typing import Dict, Iterator, List, Pattern, Sequence, Tuple

from coreml_resize_fix.auditing.matching import MatchDraft, Pairs
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import CHANNELS_LAST, Intent

_COUNT = r"_\d+"
_NODE = r"(?:Resize[A-Z]|ScaleAndTranslate)[^/]*"  # the end of a node's name, which has its counts
_OPERATION = re.compile(_NODE + "$")
_NO_COUNT, _COUNTED, _EITHER = "", _COUNT, f"(?:{_COUNT})?"
_MAY_BE_EITHER = re.compile(f"(?:{_COUNT}|{_NODE})$")
_FEWEST_PARTS = 2  # that tell one node from another
_LONGEST, _MOST_WORDS = 1000, 32  # letters of a name that is read, words of a part of it
# Where a name begins, what joins its parts, and where it ends.
_IN_SCOPES = ("(?:^|[/;])", "/", "(?:/|$|[:;_][^/]*$)")
_IN_WORDS = ("(?:^|_)", "_", "(?:_|$)")
_NO_WORD = re.compile(r"\W")


def is_scoped(intent: Intent) -> bool:
    """Whether the name of an intent is that of a layer of Keras, or has scopes of TensorFlow."""
    name = intent.name or ""
    return ("/" in name[1:] and name[0] != "/") or intent.framework in CHANNELS_LAST


def by_scope(
    groups: Dict[str, List[Intent]], layers: Sequence[ResizeLayer], draft: MatchDraft
) -> Pairs:
    """The pairs that the scopes in names decide; `groups` are the intents by name."""
    plain, counted, either = (
        _pairs(groups, layers, draft, count) for count in (_NO_COUNT, _COUNTED, _EITHER)
    )
    # A scope without a count, where none has to have one.
    is_plain = any(not _MAY_BE_EITHER.search(intent.name or "") for intent, _ in plain)
    if is_plain or len(plain) > len(counted):
        counted = []
    found = plain if len(plain) >= len(counted) else counted
    if counted and len(plain) == len(counted):
        kept = {(id(intent), layer.address) for intent, layer in counted}
        found = [(intent, layer) for intent, layer in plain if (id(intent), layer.address) in kept]
    return either if len(either) > max(len(plain), len(counted)) else found


def _pairs(
    groups: Dict[str, List[Intent]],
    layers: Sequence[ResizeLayer],
    draft: MatchDraft,
    count: str,
) -> Pairs:
    """The pairs of one reading: scopes are as in the intents, or each has a count behind it."""
    known = _Names(list(groups), count)
    owned: Dict[str, List[ResizeLayer]] = {}
    for layer in layers:
        owner = known.owner(layer)
        if owner:
            owned.setdefault(owner, []).append(layer)
    return [pair for name, own in owned.items() for pair in draft.agreeing(groups[name], [own])]


def _may_lack_first(parts: Sequence[str]) -> bool:
    """Whether a layer may have a node's name without the outer scope, that of a saved model."""
    return len(parts) > _FEWEST_PARTS and bool(_OPERATION.search(parts[-1]))


def _words(part: str) -> int:
    return len(_NO_WORD.sub("_", part).split("_"))


class _Names:
    """The names of intents, to be found in those of layers without a look at each pair."""

    def __init__(self, names: Sequence[str], count: str) -> None:
        # TFLite joins the names of nodes that it merges.
        self._parts = {name: re.sub(r":\d+$", "", name.split(";")[0]).split("/") for name in names}
        self._count = count
        self._patterns: Dict[Tuple[str, bool], Pattern[str]] = {}
        rare = Counter(part for parts in self._parts.values() for part in parts)
        self._by_part: Dict[str, List[str]] = {}
        for name, parts in self._parts.items():
            known = [
                part for part in parts[_may_lack_first(parts) :] if _words(part) <= _MOST_WORDS
            ]
            if known and len(name) <= _LONGEST:
                part = min(known, key=rare.__getitem__)
                self._by_part.setdefault(_NO_WORD.sub("_", part), []).append(name)
        self._most_words = max(map(_words, self._by_part), default=0)

    def owner(self, layer: ResizeLayer) -> str:
        """The longest name in those of a layer; empty if there is none, or two are."""
        found = {
            name
            for written in {layer.name, *layer.blobs}
            if len(written) <= _LONGEST
            for name in self._names_in(written)
        }
        longest = max(map(len, found), default=0)
        best = [name for name in found if len(name) == longest]
        return best[0] if len(best) == 1 else ""

    def _names_in(self, written: str) -> Iterator[str]:
        words, has_scopes = _NO_WORD.sub("_", written), "/" in written
        separate = words.split("_")
        runs = {
            "_".join(separate[start:end])
            for start in range(len(separate))
            for end in range(start + 1, min(start + self._most_words, len(separate)) + 1)
        }
        for name in [name for run in runs for name in self._by_part.get(run, ())]:
            if self._pattern(name, has_scopes).search(written if has_scopes else words):
                yield name

    def _pattern(self, name: str, has_scopes: bool) -> Pattern[str]:
        """What finds a name in one with scopes, or in one whose parts are joined by `_`."""
        found = self._patterns.get((name, has_scopes))
        if found is not None:
            return found
        parts = self._parts[name]
        count = _NO_COUNT if _OPERATION.search(parts[-1]) else self._count
        begin, slash, end = _IN_SCOPES if has_scopes else _IN_WORDS
        plain = re.escape if has_scopes else partial(_NO_WORD.sub, "_")
        every = [plain(part) + count for part in parts]
        outer = f"(?:{begin}{every[0]}{slash}|^)" if _may_lack_first(parts) else begin
        inside = slash.join(every[_may_lack_first(parts) :])
        # What a converter adds to a node's name follows; a count makes it another name.
        found = re.compile(rf"{outer}{inside}(?!{_COUNT}(?![^\W_])){end}")
        self._patterns[name, has_scopes] = found
        return found
