"""What lies beside a model file: the files that an ML Program reads its numbers from."""

import os
from typing import TYPE_CHECKING, Mapping, NamedTuple, Optional

if TYPE_CHECKING:
    from coreml_resize_fix.formats.model import Appended


class ModelFolder(NamedTuple):
    """The folder of a model file.

    `unfinished` has, by their names in the folder, files that are written but not in their place
    yet: a result is read with them before it replaces anything. `gained` is what other programs of
    a pipeline add to files: what comes next goes behind it.
    """

    folder: str
    unfinished: Optional[Mapping[str, str]] = None
    gained: "Optional[Mapping[str, Appended]]" = None

    def path(self, name: str) -> str:
        """Where the file of that name is, relative to the folder, with `/` between folders."""
        path = os.path.join(self.folder, name.replace("\0", "\ufffd"))
        return (self.unfinished or {}).get(name, path)
