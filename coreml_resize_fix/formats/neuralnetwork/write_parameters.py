"""Write the parameters of the two resize layers as bytes of a layer."""

from typing import Any

from coreml_resize_fix.formats.neuralnetwork.parameters import NativeParams, ResizeBilinear
from coreml_resize_fix.formats.protobuf import schema, wire
from coreml_resize_fix.formats.spec_versions import UPSAMPLE_MODES


def field_bytes(params: NativeParams) -> bytes:
    """The layer-type field of a NeuralNetworkLayer that holds these parameters, tag included."""
    return wire.encode_field(
        schema.layer_type_number(params.kind), _to_message(params).SerializeToString()
    )


def _to_message(params: NativeParams) -> Any:
    layer = schema.layer_class()()
    if isinstance(params, ResizeBilinear):
        message = layer.resizeBilinear
        message.targetSize.extend(params.target_size)
        field = message.mode.DESCRIPTOR.fields_by_name["samplingMethod"]
        # STRICT is 0: setting it alone would leave `mode` absent.
        message.mode.SetInParent()
        message.mode.samplingMethod = field.enum_type.values_by_name[params.sampling_mode].number
        return message
    message = layer.upsample
    message.scalingFactor.extend(params.scaling_factor)
    fields = message.DESCRIPTOR.fields_by_name
    message.mode = fields["mode"].enum_type.values_by_name[params.mode].number
    if params.min_spec_version >= UPSAMPLE_MODES:
        message.fractionalScalingFactor.extend(params.fractional_scaling_factor)
        names = fields["linearUpsampleMode"].enum_type.values_by_name
        message.linearUpsampleMode = names[params.linear_upsample_mode].number
    return message
