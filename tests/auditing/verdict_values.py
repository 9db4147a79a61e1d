"""Calls and layers of verdict tests, written shortly: (height, width) or two factors each."""

import numpy as np

from coreml_resize_fix.auditing.decide import decide
from coreml_resize_fix.auditing.match import Match
from coreml_resize_fix.auditing.remedy import Allowed
from coreml_resize_fix.formats.input_sizes import FLEXIBLE, UNKNOWN, InputSizes
from coreml_resize_fix.formats.neuralnetwork import natives
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.resize_layer import ResizeLayer
from coreml_resize_fix.intents.model import Intent

IOS11, IOS12, IOS14 = 1, 3, 5


def default(*factor):
    return Upsample("BILINEAR", "DEFAULT", factor)


def corners(*factor):
    return Upsample("BILINEAR", "ALIGN_CORNERS_TRUE", factor)


def half(*factor):
    return Upsample("BILINEAR", "ALIGN_CORNERS_FALSE", factor)


def fractional(mode, before, after):
    """As coremltools writes it: (N + 1e-4) / X in float32."""
    factors = tuple(float(np.float32((n + 1e-4) / x)) for x, n in zip(before, after))
    return Upsample("BILINEAR", mode, (), factors)


def nearest(*factor):
    return Upsample("NN", "DEFAULT", factor)


def strict(*size):
    return ResizeBilinear(size, "STRICT_ALIGN_ENDPOINTS_MODE")


def endpoints(*size):
    return ResizeBilinear(size, "ALIGN_ENDPOINTS_MODE")


def upsample(*size):
    return ResizeBilinear(size, "UPSAMPLE_MODE")


def layer(params, sizes, *more):
    blobs, find = ("up",), natives.in_place_of
    return ResizeLayer("layers[3]", "up", blobs, params, sizes, *more, find_natives=find)


def static(params, size, modern=False):
    """`modern`: a place where Apple's validator accepts layers of iOS 13 and later."""
    return layer(params, InputSizes.static(size), 4, modern)


def flexible(params, *sizes, modern=False):
    return layer(params, InputSizes(FLEXIBLE, sizes), 4, modern)


def unknown(params):
    sizes = InputSizes(UNKNOWN, why_unknown="a reason")
    return layer(params, sizes)


def true(*size, **more):
    return Intent(align_corners=True, size=size or None, **more)


def false(*size, **more):
    return Intent(align_corners=False, size=size or None, **more)


def near(*size, **more):
    return Intent(mode=more.pop("mode", "nearest"), size=size or None, **more)


def scaled(*factor, **more):
    return Intent(scale_factor=factor, **more)


def tensorflow(*size, **more):
    return Intent(framework="tensorflow1", size=size or None, **more)


def judge(intent, layer, spec_version=None, decompose=False):
    """For iOS 12, or for what the layer itself needs, unless another target is given."""
    own = IOS14 if layer.params.min_spec_version >= 5 else IOS12
    return decide(layer, Match(intent, "layer"), Allowed(spec_version or own, decompose))


MATCH, FIXABLE, NEEDS, NEVER = "match", "fixable", "needs-option", "unmatchable"
SHIFTED, SIZE, SMOOTHED, ANTIALIAS, KERNEL = "RSZ101", "RSZ102", "RSZ103", "RSZ104", "RSZ105"
