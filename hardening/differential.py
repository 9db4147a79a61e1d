"""The splice against the same edit made through protobuf: `python -m hardening.differential`.

What to change is taken from the findings; that it is the right change is proved elsewhere. How it
is changed is compared: the file that the tool makes with the message edited by the official
classes and serialized, byte for byte where that writer gives the original back, else as messages.
"""

import argparse
import json
import os
import random
from collections import Counter
from typing import Any, Dict, Mapping, Tuple

from coreml_resize_fix.formats.neuralnetwork.parameters import LayerChain, ResizeBilinear
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.run import pipeline
from hardening import networks, trees
from hardening.running import scratch
from tests.support import edits

# The version from which on each layer exists, as Apple's NeuralNetwork.proto says.
_SINCE = {"resizeBilinear": 3, "cropResize": 3, "gather": 4, "batchedMatmul": 4}
_IOS14 = 5
# --decompose and the highest version allowed.
REQUESTS: Tuple[Tuple[bool, Any], ...] = ((False, None), (True, None), (False, 5), (True, 5))


def compare(seed: int) -> str:
    """How the results of one random model compare: "same bytes", "same message" or "no change".

    Raises:
        AssertionError: they differ.
    """
    made = networks.made(seed)
    data = made.model.SerializeToString(deterministic=True)
    if seed % 5 == 0:
        data = trees.written_otherwise(trees.read(data) or [], random.Random(seed))
    intents = manifest.parse(json.dumps(networks.manifest(made.calls)))
    decompose, target = REQUESTS[seed % len(REQUESTS)]
    target = target and max(target, made.model.specificationVersion)
    request = pipeline.Request(
        intents, partial=True, decompose=decompose, target=target, verify=False
    )
    report, result = pipeline.process_bytes(data, "model", request)
    changes = {f.layer.address: f.after for f in report.findings if f.verdict == "fixed"}
    expected = _edited(edits.parse(data), changes)
    assert edits.parse(result) == expected, "another message"
    _assert_loads(result, expected)
    if not changes:
        assert result == data, "bytes without a change"
        return "no change"
    if edits.parse(data).SerializeToString(deterministic=True) != data:
        return "same message"
    assert result == expected.SerializeToString(deterministic=True), "other bytes"
    return "same bytes"


def _assert_loads(result: bytes, expected: Any) -> None:
    from coremltools.models.utils import load_spec

    path = os.path.join(scratch(), "model.mlmodel")
    with open(path, "wb") as file:
        file.write(result)
    assert load_spec(path) == expected, "load_spec reads another message"


def _edited(model: Any, changes: Mapping[str, Any]) -> Any:
    """The message with the changes, made through protobuf alone."""
    # From the last to the first: several layers in the place of one move those behind them.
    for address in sorted(changes, key=_order, reverse=True):
        params, place = changes[address], edits.locate(model, address)
        if isinstance(params, LayerChain):
            inner = place.models[-1]
            holder = getattr(inner, inner.WhichOneof("Type"))
            index = int(address[address.rindex("[") + 1 : -1])
            behind = list(holder.layers)[index + 1 :]
            del holder.layers[index:]
            holder.layers.extend([*params.messages(), *behind])
            kinds = [message.WhichOneof("layer") for message in params.messages()]
        else:
            _set(place.layer, params)
            kinds = ["ios14" if params.min_spec_version >= 5 else params.kind]
        needed = max(_IOS14 if kind == "ios14" else _SINCE.get(kind, 1) for kind in kinds)
        for around in place.models:
            around.specificationVersion = max(around.specificationVersion, needed)
    return model


def _set(layer: Any, params: Any) -> None:
    message = getattr(layer, params.kind)
    message.Clear()
    message.SetInParent()
    if isinstance(params, ResizeBilinear):
        message.targetSize.extend(params.target_size)
        message.mode.samplingMethod = getattr(message.mode, params.sampling_mode)
        return
    message.scalingFactor.extend(params.scaling_factor)
    message.fractionalScalingFactor.extend(params.fractional_scaling_factor)
    message.mode = getattr(message, params.mode)
    message.linearUpsampleMode = getattr(message, params.linear_upsample_mode)


def _order(address: str) -> Tuple[int, ...]:
    return tuple(int(part.split("]")[0]) for part in address.split("[")[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=4000)
    parser.add_argument("--programs", type=int, default=0, help="compare ML Programs instead")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    one, count = compare, options.models
    if options.programs:
        from hardening import program_differential

        one, count = program_differential.compare, options.programs
    counts: Dict[str, int] = Counter(
        one(seed) for seed in range(options.seed, options.seed + count)
    )
    print(json.dumps({"models": count, **counts}))


if __name__ == "__main__":
    main()
