"""Audits of the fixture cases, and the truth about their layers from meta.json."""

from functools import lru_cache

import pytest

from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.auditing.run import audit_model
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.intents import manifest
from tests.support import cases

RESIZES = ("upsample", "resizeBilinear")
NEWEST = 10  # a specification version that allows every layer

# ML Programs have no layers, and a custom layer is up to its own code.
NETWORKS = [case for case in cases.ALL if case.name not in ("ct9_mlprogram", "blog_custom")]
PARAMETERS = [pytest.param(case, id=case.name) for case in NETWORKS]


def truth(case):
    """Address → indices of the calls that the layer stands for, for each resize layer."""
    return {
        address(layer): layer["calls"] for layer in case.meta["layers"] if layer["type"] in RESIZES
    }


def address(layer):
    return layer.get("address", "layers[{}]".format(layer["index"]))


def require(case):
    if not case.is_readable:
        pytest.skip(
            "{} has specification version {}, which coremltools 3 does not know "
            "(install coremltools 4 or newer)".format(case.name, case.spec_version)
        )


@lru_cache(maxsize=None)
def walked(path):
    if path.endswith(".mlpackage"):
        path += "/Data/com.apple.CoreML/model.mlmodel"
    with open(path, "rb") as file:
        return open_bytes(file.read(), path)


def audit(case, document, spec_version=3):
    """The audit of a case against a manifest's document."""
    defects = []
    intents = manifest.from_document(document, defects)
    assert not defects
    allowed = Allowed(max(spec_version, case.spec_version))
    return audit_model(walked(case.path), intents, None, allowed)


def with_resizes(case, resizes):
    return dict(case.document(used_only=False), resizes=resizes)


def places(found):
    """Address → place in the manifest of the intent that each layer got, None without one."""
    return {
        finding.layer.address: None if finding.intent is None else finding.intent.index
        for finding in found.findings
    }
