"""Which layers a configuration names that are Keras's own, so that nothing else is in them."""

import re
from typing import Any

from coreml_resize_fix.intents.keras.interpolation import Era

OPERATION = "Resize"  # `keras.ops.image.resize`; Keras 3 names no modules in HDF5
_READ = ("UpSampling2D", "Resizing", "TFOpLambda", "SlicingOpLambda")

# Layers of Keras 2 that never resize when they predict; Keras 3 names the module of each.
KNOWN = frozenset(
    re.findall(
        r"\w+",
        """
Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average
AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization BatchNormalizationV1
BatchNormalizationV2 Bidirectional CategoryEncoding Concatenate Conv1D Conv1DTranspose
Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM2DCell
ConvLSTM3D ConvRNN2D Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM Dense
DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Flatten
GRU GRUCell GRUCellV1 GRUCellV2 GRUV1 GRUV2 GaussianDropout GaussianNoise
GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization HashedCrossing Hashing Highway
Identity InputLayer IntegerLookup LSTM LSTMCell LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2
LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxPooling1D
MaxPooling2D MaxPooling3D Maximum MaxoutDense Minimum MultiHeadAttention Multiply
Normalization PReLU Permute RNN RandomBrightness RandomContrast RandomFlip
RandomFourierFeatures RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom
ReLU RepeatVector Rescaling Reshape SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell
SlicingOpLambda Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNormalization
TextVectorization ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D
UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
        """,
    )
)
# Layers of Keras that run code of the user's, or resize by their own in some cases.
_UNSEEN = (
    *("Lambda", "Layer", "CenterCrop", "RandomCrop"),
    *("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
)


def is_own(kind: str, module: Any, registered: Any, era: Era) -> bool:
    """Whether a layer does what its configuration says, and nothing by code of the user's.

    `module` and `registered` are what Keras 3 writes beside its class; None in files of Keras 2.
    """
    if isinstance(module, str):
        return module.split(".")[0] in ("keras", "tf_keras") and kind not in _UNSEEN
    known = kind in (*_READ, *KNOWN) or (kind == OPERATION and era.is_keras3)
    return not isinstance(registered, str) and known
