"""Networks of 1 to 5 resizes, made as a converter makes them, whose truth is known.

Nothing here is converted: each call is written into the model the way the opset 9 converters do
(factors cut to whole numbers, one grid for every bilinear call), and the truth goes into the
manifest. The result is computed by `numpy.interp`, which shares no code with the package.
"""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.run import pipeline

CHANNELS = 3


@st.composite
def networks(draw):
    """[(mode, align_corners, input size, output size)], each resize getting what the last made."""
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    calls = []
    for _ in range(draw(st.integers(1, 5))):
        mode = draw(st.sampled_from(["align_corners", "align_corners", "half_pixel", "nearest"]))
        if mode == "nearest":
            wanted = tuple(n * draw(st.integers(1, 2)) for n in size)
        else:
            wanted = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
        calls.append((mode, size, wanted))
        size = wanted
    return calls


def converted(calls):
    """The model that the opset 9 converters write for these calls."""
    model = schema.model_class()()
    model.specificationVersion = 1
    feature = model.description.input.add()
    feature.name = "image"
    feature.type.multiArrayType.shape.extend((CHANNELS,) + calls[0][1])
    model.description.output.add().name = "result"
    blob = "image"
    for index, (mode, before, after) in enumerate(calls):
        layer = model.neuralNetwork.layers.add()
        layer.name = str(index)
        layer.input.append(blob)
        blob = "result" if index == len(calls) - 1 else "blob{}".format(index)
        layer.output.append(blob)
        layer.upsample.scalingFactor.extend(n // x for x, n in zip(before, after))
        layer.upsample.mode = 0 if mode == "nearest" else 1
    return model


def truth(calls):
    """The manifest of these calls."""
    resizes = [
        {
            "mode": "nearest" if mode == "nearest" else "bilinear",
            "align_corners": mode == "align_corners",
            "size": list(after),
            "input_size": list(before),
            "channels": CHANNELS,
        }
        for mode, before, after in calls
    ]
    document = {"format": "coreml-resize-fix/intent", "version": 1, "resizes": resizes}
    return manifest.parse(json.dumps(document))


def positions(mode, count, wanted):
    if mode == "nearest":
        return np.arange(wanted) // (wanted // count)
    if mode == "align_corners":
        return np.linspace(0, count - 1, wanted) if wanted > 1 else np.zeros(1)
    return (np.arange(wanted) + 0.5) * count / wanted - 0.5


def resized(image, rows, columns):
    """Linear interpolation at these positions; `numpy.interp` clamps at the edges itself."""
    wide = np.stack([np.interp(columns, np.arange(len(row)), row) for row in image])
    tall = [np.interp(rows, np.arange(len(column)), column) for column in wide.T]
    return np.stack(tall).T


def intended(image, calls):
    for mode, before, after in calls:
        image = resized(image, *(positions(mode, x, n) for x, n in zip(before, after)))
    return image


def computed(image, layers):
    """What the layers of a file compute, for the two that a fix may leave."""
    for layer in layers:
        kind = layer.WhichOneof("layer")
        if kind == "resizeBilinear":
            after = tuple(layer.resizeBilinear.targetSize)
            grids = [list(native_grids(x, n)) for x, n in zip(image.shape, after)]
            method = layer.resizeBilinear.mode.samplingMethod  # in the order of `native_grids`
            image = resized(image, *(grid[method] for grid in grids))
        elif layer.upsample.mode == 0:
            rows, columns = layer.upsample.scalingFactor
            image = np.repeat(np.repeat(image, rows, axis=0), columns, axis=1)
        else:
            factors = tuple(layer.upsample.scalingFactor)
            after = tuple(x * s for x, s in zip(image.shape, factors))
            grid = [np.arange(n) * x / n for x, n in zip(image.shape, after)]
            image = resized(image, *grid)
    return image


def native_grids(count, wanted):
    """Where the three grids of ResizeBilinear read along one axis."""
    yield positions("align_corners", count, wanted)
    yield positions("align_corners", count, wanted) if wanted > 1 else [(count - 1) / 2]
    yield np.minimum(np.arange(wanted) * count / wanted, count - 1)


def no_layer_before_ios_14(mode, before, after):
    """Half-pixel sampling that no layer has; from 2 to 3 pixels, for one, it is align_corners."""
    if mode != "half_pixel":
        return False
    asked = [
        np.clip(positions(mode, count, wanted), 0, count - 1)
        for count, wanted in zip(before, after)
    ]
    grids = zip(*(native_grids(count, wanted) for count, wanted in zip(before, after)))
    return not any(
        all(
            np.allclose(np.clip(grid, 0, None), axis, atol=1e-12) for grid, axis in zip(pair, asked)
        )
        for pair in grids
    )


@pytest.mark.slow
@settings(max_examples=150)
@given(networks())
@example(  # a size in the file as it is does not speak against the one that a fix makes
    [
        ("align_corners", (2, 1), (1, 2)),
        ("align_corners", (1, 2), (1, 5)),
        ("align_corners", (1, 5), (1, 6)),
        ("align_corners", (1, 6), (1, 1)),
    ]
)
def test_every_network_is_mended_or_refused_and_never_wrong(tmp_path_factory, calls):
    folder = tmp_path_factory.mktemp("generated")
    path, output = str(folder / "model.mlmodel"), str(folder / "out.mlmodel")
    with open(path, "wb") as file:
        file.write(converted(calls).SerializeToString())
    report = pipeline.process(path, pipeline.Request(manifest=truth(calls), output=output))

    hopeless = [no_layer_before_ios_14(*call) for call in calls]
    assert [f.verdict == "needs-option" for f in report.findings] == hopeless
    if any(hopeless):
        assert report.exit_code == 1
        assert report.output is None
        request = pipeline.Request(manifest=truth(calls), output=output, decompose=True)
        assert pipeline.process(path, request).exit_code == 0
        assert pipeline.process(output, pipeline.Request(manifest=truth(calls))).exit_code == 0
        return
    assert report.exit_code == 0
    result = schema.model_class()()
    with open(output, "rb") as file:
        result.ParseFromString(file.read())
    image = np.random.RandomState(7).rand(*calls[0][1])
    np.testing.assert_allclose(
        computed(image, result.neuralNetwork.layers), intended(image, calls), rtol=0, atol=1e-12
    )
    again = pipeline.process(output, pipeline.Request(manifest=truth(calls)))
    assert [finding.verdict for finding in again.findings] == ["match"] * len(calls)
    assert again.output is None
