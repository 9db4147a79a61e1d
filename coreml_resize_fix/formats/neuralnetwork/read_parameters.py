"""Read the parameters of resize layers from messages."""

from typing import Any, Optional

from coreml_resize_fix.errors import ModelError
from coreml_resize_fix.formats.neuralnetwork.parameters import (
    NativeParams,
    ResizeBilinear,
    Upsample,
)


def read(layer: Any) -> Optional[NativeParams]:
    """The parameters of a NeuralNetworkLayer message, or None if it is not a resize layer.

    Raises:
        ModelError: a mode has a number that the schema does not name.
    """
    kind = layer.WhichOneof("layer")
    if kind == "upsample":
        params = layer.upsample
        return Upsample(
            mode=_enum_name(layer, params, "mode"),
            linear_upsample_mode=_enum_name(layer, params, "linearUpsampleMode"),
            scaling_factor=tuple(int(f) for f in params.scalingFactor),
            fractional_scaling_factor=tuple(
                float(f) for f in getattr(params, "fractionalScalingFactor", ())
            ),
        )
    if kind == "resizeBilinear":
        params = layer.resizeBilinear
        return ResizeBilinear(
            target_size=tuple(int(n) for n in params.targetSize),
            sampling_mode=_enum_name(layer, params.mode, "samplingMethod"),
        )
    return None


def _enum_name(layer: Any, message: Any, name: str) -> str:
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:  # coremltools before 4, where newer models are refused earlier
        return "DEFAULT"
    number = getattr(message, name)
    value = field.enum_type.values_by_number.get(number)
    if value is None:
        raise ModelError(
            f"`{layer.name}` has the {name} {number}, which the installed coremltools does not "
            "know",
            "install a newer coremltools if a newer one wrote the model",
        )
    return str(value.name)
