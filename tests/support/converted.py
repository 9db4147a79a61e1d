"""One network as many converters wrote it: tests/fixtures/converters."""

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List

from coreml_resize_fix.formats.protobuf import schema
from tests.support.cases import FIXTURES, IOS14_VERSION, read_json, resize

FOLDER = os.path.join(FIXTURES, "converters")
RECORDED = "recorded"  # the folder of what PyTorch did, which several models share


def knows_programs() -> bool:
    """Whether the installed coremltools has the schema of ML Programs: 5 and newer."""
    return "mlProgram" in schema.model_class().DESCRIPTOR.fields_by_name


@dataclass(frozen=True)
class ConvertedModel:
    """A model in a folder of its own, and what its framework did beside it."""

    name: str
    root: ClassVar[str]  # the folder of all of them

    @property
    def folder(self) -> str:
        return os.path.join(self.root, self.name)

    @property
    def meta(self) -> Dict[str, Any]:
        """Versions; `layers` with a verdict each by what Core ML documents; `refused` calls."""
        return read_json(os.path.join(self.folder, "meta.json"))

    @property
    def path(self) -> str:
        file = os.path.join(self.folder, "model.mlmodel")
        return file if os.path.exists(file) else os.path.join(self.folder, "model.mlpackage")

    @property
    def recording(self) -> str:
        return os.path.join(self.root, RECORDED, self.meta["recording"])

    @property
    def is_readable(self) -> bool:
        """Whether the installed coremltools knows every field that the model may use."""
        if self.meta["kind"] == "mlProgram":
            return knows_programs()
        return self.meta["specificationVersion"] < IOS14_VERSION or schema.knows_ios14()


class Converted(ConvertedModel):
    """One of the models of PyTorch's network."""

    root = FOLDER

    @property
    def calls(self) -> List[Dict[str, Any]]:
        return read_json(os.path.join(self.recording, "calls.json"))

    @property
    def document(self) -> Dict[str, Any]:
        """The calls as a manifest."""
        version = os.path.basename(self.recording)[len("torch") :].split("-")[0]
        return {
            "producer": {"framework": "torch", "version": version},
            "resizes": [resize(call) for call in self.calls],
        }


ALL = [Converted(name) for name in sorted(os.listdir(FOLDER)) if name != RECORDED]
