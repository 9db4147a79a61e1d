"""How a network is run: what it takes, what is handed out, what is let go, and what is refused."""

import gc
import tracemalloc

import numpy as np
import pytest
from google.protobuf import text_format

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats import execution
from coreml_resize_fix.formats.open import open_bytes, open_file
from coreml_resize_fix.verify.kernels import checks
from coreml_resize_fix.verify.network import execute, run_prepared
from tests.support import build, cases
from tests.support.replacing import numbers

IMAGE = np.random.RandomState(0).uniform(-1, 1, (1, 2, 4, 6)).astype(np.float32)
LINEAR = "activation { linear { alpha: %s beta: %s } }"


def opened(model):
    return open_bytes(model.SerializeToString(), "made")


def chain(*layers, **more):
    return opened(build.network((2, 4, 6), layers, **more))


def test_numbers_and_kept_blobs():
    model = chain(LINEAR % (2, 1), build.NEAREST, LINEAR % (3, 0))
    made = execute(model, {"image": IMAGE}, keep=("b1", "image", "nowhere"))
    np.testing.assert_allclose(made.kept["b1"].reshape(IMAGE.shape), 2 * IMAGE + 1, rtol=1e-6)
    assert made.kept["b1"].shape == (1, 1, 2, 4, 6)
    assert sorted(made.kept) == ["b1", "image"]
    expected = 3 * (2 * IMAGE + 1).repeat(2, -1).repeat(2, -2)
    np.testing.assert_allclose(made.outputs["scores"][0], expected, rtol=1e-6)
    assert made.outputs["scores"].dtype == np.float32


def test_double_precision_on_request():
    model = chain("unary { type: EXP }")
    (single,) = execute(model, {"image": IMAGE}).outputs.values()
    (double,) = execute(model, {"image": IMAGE}, np.float64).outputs.values()
    np.testing.assert_allclose(double[0], np.exp(IMAGE.astype(np.float64)), rtol=1e-15)
    assert 0 < np.abs(single - double).max() < 1e-6


def test_a_resize_is_replaced():
    model = chain(LINEAR % (2, 0), build.DOUBLE, LINEAR % (1, 5))
    seen = []

    def instead(x):
        seen.append(x)
        return np.zeros((1, 1, 2, 3, 3), x.dtype)

    made = execute(model, {"image": IMAGE}, replace={"layers[1]": instead})
    np.testing.assert_array_equal(seen[0].reshape(IMAGE.shape), 2 * IMAGE)
    np.testing.assert_array_equal(made.outputs["scores"], np.full((1, 1, 2, 3, 3), 5))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("bad"), "its structure makes no sense: bad"),
        (IndexError("bad"), "its structure makes no sense: bad"),
        (ZeroDivisionError("bad"), "its structure makes no sense: bad"),
        (MemoryError(), "there is not enough memory"),
    ],
)
def test_what_fails_before_the_first_layer_is_told(error, reason):
    class Broken:
        classes, in_half, outputs = None, True, ()

        def run(self, given, prepared, walk):
            walk.kept["early"] = IMAGE
            raise error

    made = run_prepared(Broken(), {}, (), execution.Walk(("early",)))
    assert (made.outputs, list(made.kept), made.in_half) == ({}, ["early"], True)
    assert made.not_run == ("", "", reason)


@pytest.mark.parametrize("shape", [(2, 4, 6), (1, 2, 4, 6), (1, 1, 2, 4, 6), (3, 2, 4, 6)])
def test_shapes_that_a_network_of_rank_5_takes(shape):
    image = np.random.RandomState(1).uniform(-1, 1, shape).astype(np.float32)
    (found,) = execute(chain(build.NEAREST), {"image": image}).outputs.values()
    np.testing.assert_array_equal(found.squeeze(), image.repeat(2, -1).repeat(2, -2).squeeze())


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (1, 1, 4, 6)])
def test_axes_of_one_may_be_missing_where_sizes_vary(shape):
    network = build.network((1, 5, 7), [build.NEAREST], version=4)
    sizes = network.description.input[0].type.multiArrayType.shapeRange.sizeRanges
    for low, high in ((1, 1), (2, 8), (2, 8)):
        sizes.add(lowerBound=low, upperBound=high)
    image = IMAGE[0, 0]
    (found,) = execute(opened(network), {"image": image.reshape(shape)}).outputs.values()
    np.testing.assert_array_equal(found.squeeze(), image.repeat(2, -1).repeat(2, -2))


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "`image` is missing"),
        ({"image": IMAGE, "other": IMAGE}, "no input `other`"),
        ({"image": IMAGE[:, :1]}, r"takes an array of shape \[2, 4, 6\], and gets \[1, 1, 4, 6\]"),
        ({"image": np.array(["x"])}, "not an array of numbers"),
    ],
)
def test_inputs_that_do_not_fit(inputs, says):
    with pytest.raises(UsageError, match=says) as raised:
        execute(chain(build.NEAREST), inputs)
    assert raised.value.hint


def test_what_cannot_be_computed_is_told():
    made = execute(chain(LINEAR % (1, 0), "custom { }", LINEAR % (1, 0)), {"image": IMAGE})
    assert made.outputs == {}
    assert made.not_run.address == "layers[1]"
    assert made.not_run.name == "b2_1"
    assert made.not_run.reason == "is a `custom` layer, which is not known here"


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("convolution { outputChannels: 3 nGroups: 2 kernelChannels: 1 valid { } }",
         "3 channels in 2 groups do not fit"),
        ("crop { cropAmounts { borderAmounts { startEdgeSize: 4 } borderAmounts { } } }",
         "leaves nothing of 4x6"),
        ("resizeBilinear { targetSize: 0 targetSize: 4 }", "would make a map of 0x4"),
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(layer, says):
    assert execute(chain(layer), {"image": IMAGE}).not_run.reason == says


def test_a_blob_that_nothing_makes():
    model = build.network((2, 4, 6), [build.NEAREST])
    model.neuralNetwork.layers[0].input[0] = "elsewhere"
    made = execute(opened(model), {"image": IMAGE})
    assert made.not_run.reason == "reads `elsewhere`, which nothing gives"
    assert made.not_run.address == "layers[0]"


def test_layers_that_no_output_depends_on_do_not_run():
    model = build.network((2, 4, 6), [build.NEAREST])
    extra = model.neuralNetwork.layers.add(name="dead", input=["image"], output=["dead"])
    text_format.Merge("custom { }", extra)
    assert execute(opened(model), {"image": IMAGE}).not_run is None
    assert "custom" in execute(opened(model), {"image": IMAGE}, keep=["dead"]).not_run.reason


def test_a_name_that_is_made_twice():
    model = build.network((2, 4, 6), [LINEAR % (2, 0), LINEAR % (1, 3)])
    for layer in model.neuralNetwork.layers:
        layer.output[0] = "scores"
    model.neuralNetwork.layers[1].input[0] = "scores"
    (found,) = execute(opened(model), {"image": IMAGE}).outputs.values()
    np.testing.assert_allclose(found[0], 2 * IMAGE + 3, rtol=1e-6)


def test_progress_is_told():
    told = []
    execute(chain(build.NEAREST, LINEAR % (1, 0)), {"image": IMAGE}, tell=lambda *a: told.append(a))
    assert told == [(1, 2, "running", "layer"), (2, 2, "running", "layer")]


def test_blobs_are_let_go():
    """Ten maps of 4 MB in a row; three of them at once are enough."""
    model = opened(build.network((4, 512, 512), [LINEAR % (1, 1)] * 10))
    image = np.zeros((4, 512, 512), np.float32)
    gc.collect()
    tracemalloc.start()
    try:
        execute(model, {"image": image})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3.2 * image.nbytes


def test_weights_are_not_in_memory_at_once(tmp_path):
    """Ten matrices of 1 MB each."""
    text = "innerProduct { inputChannels: 512 outputChannels: 512 }"
    model = build.network((512,), [text] * 10)
    for layer in model.neuralNetwork.layers:
        layer.innerProduct.weights.floatValue.extend([0.001] * 512 * 512)
    path = build.write(tmp_path, model)
    with open_file(path, path) as opened_model:
        tracemalloc.start()
        try:
            made = execute(opened_model, {"image": np.ones(512, np.float32)})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    np.testing.assert_allclose(made.outputs["scores"].ravel(), 0.512**10, rtol=1e-4)
    assert peak < 4 << 20


def skip_if_unknown(text):
    try:
        build.network((3,), [text])
    except text_format.ParseError as error:
        pytest.skip(f"needs a newer coremltools: {error}")


@pytest.mark.parametrize(
    "layer",
    [
        "upsample { scalingFactor: 100000 scalingFactor: 100000 }",
        "resizeBilinear { targetSize: 1000000 targetSize: 1000000 }",
        "padding { constant { } paddingAmounts { borderAmounts { startEdgeSize: 4000000000 } "
        "borderAmounts { startEdgeSize: 4 } } }",
        "tile { reps: 1 reps: 1 reps: 1 reps: 50000 reps: 50000 }",
        "fillStatic { targetShape: 4294967296 targetShape: 4294967296 }",
        "rangeStatic { endValue: 1e30 stepSizeValue: 1 }",
        "oneHot { oneHotVectorSize: 1000000000000 axis: -1 }",
        "constantPad { padAmounts: 0 padAmounts: 0 padAmounts: 0 padAmounts: 0 padAmounts: 0 "
        "padAmounts: 0 padAmounts: 0 padAmounts: 0 padAmounts: 0 padAmounts: 9000000000 }",
        "broadcastToStatic { targetShape: 9000000000 targetShape: 1 targetShape: 2 targetShape: 4 "
        "targetShape: 6 }",
        "slidingWindows { axis: 4 windowSize: 0 step: 0 }",
        "convolution { outputChannels: 1000000000 kernelChannels: 2 kernelSize: 9000 "
        "kernelSize: 9000 valid { } }",
        "loadConstantND { shape: 9000000000 }",
    ],
)
def test_sizes_that_lie_are_refused_before_memory_is_taken(layer):
    skip_if_unknown(layer)
    tracemalloc.start()
    try:
        made = execute(chain(layer), {"image": IMAGE})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made.not_run.address == "layers[0]"
    assert peak < 1 << 20


def test_all_blobs_together_have_a_bound(monkeypatch):
    monkeypatch.setattr(execution, "_MOST_ALIVE", 300)
    made = execute(chain(*[build.NEAREST] * 4), {"image": IMAGE})
    assert "memory" in made.not_run.reason
    assert checks.LARGEST * 4 == 1 << 30  # bytes of float32; docs/security.md says so


LOOP = """
loop { maxLoopIterations: 3 bodyNetwork {
  layers { name: "a" input: "t" output: "t" activation { linear { alpha: 2 } } }
  layers { name: "b" input: "t" output: "large" greaterThan { alpha: 5 } }
  layers { name: "c" input: "large" branch { ifBranch {
    layers { name: "d" input: "t" output: "big" copy { } }
    layers { name: "e" %s { } } } } }
  layers { name: "f" input: "t" output: "t" activation { linear { alpha: 1 beta: 1 } } }
} }
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # t: 1 → 2+1 → 6, which is large: out, before 1 is added.
        ("loopBreak", 6),
        # … 6, which is large: the next round doubles it to 12, which is large again.
        ("loopContinue", 12),
    ],
)
def test_loops_that_are_left(kind, expected):
    model = build.network(
        (1,), ["copy { }", LOOP % kind, "copy { }"], mapping=build.EXACT, version=4
    )
    first, loop, last = model.neuralNetwork.layers
    first.output[0] = last.input[0] = "t"
    del loop.input[:], loop.output[:]
    (found,) = execute(opened(model), {"image": np.ones(1, np.float32)}).outputs.values()
    assert found.tolist() == [expected]


def test_branches_and_loops_of_a_network():
    case = next(case for case in cases.ALL if case.name == "branch_loop")
    tensors = np.load(case.folder + "/io.npz")
    with open_file(case.path, case.name) as model:
        for number, flag in enumerate((1.0, 0.0)):
            inputs = {"image": tensors["input"], "flag": np.array([flag])}
            made = execute(model, inputs)
            assert made.not_run is None
            assert made.outputs["scores"].shape == tensors[f"output{number}"].shape


def test_two_loops_of_a_condition():
    """While t < 10, t becomes 2 t."""
    text = """loop { conditionVar: "small" conditionNetwork {
      layers { name: "c" input: "t" output: "small" lessThan { alpha: 10 } } }
    bodyNetwork {
      layers { name: "a" input: "t" output: "t" activation { linear { alpha: 2 } } } } }"""
    model = build.network((1,), ["copy { }", text, "copy { }"], mapping=build.EXACT, version=4)
    first, loop, last = model.neuralNetwork.layers
    first.output[0] = last.input[0] = "t"
    del loop.input[:], loop.output[:]
    (found,) = execute(opened(model), {"image": np.full(1, 3, np.float32)}).outputs.values()
    assert found.tolist() == [12]


QUANTIZED = "innerProduct { inputChannels: 3 outputChannels: 2 weights { %s } }"


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        # One scale and bias for each output channel.
        (
            r'rawValue: "\000\001\002\377\020\021" quantization { numberOfBits: 8 '
            "linearQuantization { scale: 0.5 scale: 2 bias: 1 bias: -1 } }",
            [[1, 1.5, 2], [509, 31, 33]],
        ),
        # Four bits each, the higher ones first: 1 2 3 / 4 5 15.
        (
            r'rawValue: "\x12\x34\x5F" quantization { numberOfBits: 4 '
            "linearQuantization { scale: 1 bias: 0 } }",
            [[1, 2, 3], [4, 5, 15]],
        ),
        # Three bits each: 001 010 011 / 100 101 110, and fill bits.
        (
            r'rawValue: "\x29\xCB\x80" quantization { numberOfBits: 3 lookupTableQuantization { '
            "floatValue: 0 floatValue: 10 floatValue: 20 floatValue: 30 floatValue: 40 "
            "floatValue: 50 floatValue: 60 floatValue: 70 } }",
            [[10, 20, 30], [40, 50, 60]],
        ),
        # Signed, of iOS 14.
        (
            r'int8RawValue: "\377\001\002\003\200\005" quantization { numberOfBits: 8 '
            "linearQuantization { scale: 0.5 } }",
            [[-0.5, 0.5, 1], [1.5, -64, 2.5]],
        ),
        (r'float16Value: "\000<\000@\000B\000D\000E\000F"', [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_stored_numbers(stored, expected):
    skip_if_unknown(QUANTIZED % stored)
    model = build.network((3,), [QUANTIZED % stored])
    opened_model = opened(model)
    found = [
        execute(opened_model, {"image": np.eye(3, dtype=np.float32)[k]}).outputs["scores"].ravel()
        for k in range(3)
    ]
    np.testing.assert_allclose(np.transpose(found), expected)


def test_weights_that_do_not_fill_their_shape():
    text = "innerProduct { inputChannels: 3 outputChannels: 2 weights { " + numbers([1, 2]) + " } }"
    made = execute(opened(build.network((3,), [text])), {"image": np.ones(3)})
    assert made.not_run.reason == "2 numbers do not fill [2, 3]"
