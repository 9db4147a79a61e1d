"""Sampling modes of a neural network's layers, by the names of their positions.

The names are keys of `verify.kernels.positions`. Sources: SamplingMode and UpsampleLayerParams in
NeuralNetwork.proto. `conventions.coreml` has the same in closed formulas, for the verdicts: the
proof does not use it.
"""

from typing import Dict, Optional

SAMPLING_MODES: Dict[str, str] = {
    "STRICT_ALIGN_ENDPOINTS_MODE": "STRICT_ALIGN_CORNERS",
    "ALIGN_ENDPOINTS_MODE": "ALIGN_CORNERS",
    "UPSAMPLE_MODE": "DEFAULT",
    "ROI_ALIGN_MODE": "OFFSET_CORNERS",
}
UPSAMPLE_MODES: Dict[str, str] = {
    "DEFAULT": "DEFAULT",
    "ALIGN_CORNERS_TRUE": "STRICT_ALIGN_CORNERS",
    "ALIGN_CORNERS_FALSE": "UNALIGN_CORNERS",
}


def upsample_mode(mode: str, linear_upsample_mode: str) -> Optional[str]:
    """Where an Upsample layer samples; None if it copies pixels."""
    return None if mode == "NN" else UPSAMPLE_MODES[linear_upsample_mode]
