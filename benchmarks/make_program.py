"""An ML Program of so many operations, constants included: convolutions, and a resize now and then.

    python benchmarks/make_program.py PATH --operations 5000 --gigabytes 1

coremltools writes it. The weight file is made longer afterwards, without being filled. PATH.json
is a manifest of the calls.
"""

import argparse
import json
import os

import coremltools
import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813

_EVERY = 20  # convolutions from one resize to the next; a pooling behind it keeps the map's size
_CHANNELS, _SIDE = 4, 32
_WEIGHTS = os.path.join("Data", "com.apple.CoreML", "weights", "weight.bin")
_CALL = {"mode": "bilinear", "scale_factor": [2.0, 2.0], "input_size": [_SIDE, _SIDE]}


def network(x, operations):
    """Convolutions and activations until there are so many operations."""
    from coremltools.converters.mil.mil.block import curr_block

    weights = np.zeros((_CHANNELS, _CHANNELS, 3, 3), np.float32)
    bias = np.zeros(_CHANNELS, np.float32)
    count = 0
    while len(curr_block().operations) < operations - 12:
        x = mb.relu(x=mb.conv(x=x, weight=weights, bias=bias, pad_type="same"))
        count += 1
        if count % _EVERY == 0:
            x = mb.upsample_bilinear(
                x=x, scale_factor_height=2, scale_factor_width=2, align_corners=False
            )
            x = mb.avg_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path")
    parser.add_argument("--operations", type=int, required=True)
    parser.add_argument("--gigabytes", type=float, default=1)
    options = parser.parse_args()
    shape = (1, _CHANNELS, _SIDE, _SIDE)
    made = mb.program(input_specs=[mb.TensorSpec(shape=shape)])(
        lambda x: network(x, options.operations)
    )
    converted = coremltools.convert(
        made,
        convert_to="mlprogram",
        pass_pipeline=coremltools.PassPipeline.EMPTY,
        compute_precision=coremltools.precision.FLOAT32,
        skip_model_load=True,
    )
    converted.save(options.path)
    weights = os.path.join(options.path, _WEIGHTS)
    os.truncate(weights, max(os.path.getsize(weights), int(options.gigabytes * (1 << 30))))
    count = sum(one.op_type == "upsample_bilinear" for one in made.functions["main"].operations)
    document = {
        "format": "coreml-resize-fix/intent",
        "version": 1,
        "producer": {"framework": "torch"},
        "resizes": [_CALL] * count,
    }
    with open(options.path + ".json", "w", encoding="utf-8") as file:
        json.dump(document, file)


if __name__ == "__main__":
    main()
