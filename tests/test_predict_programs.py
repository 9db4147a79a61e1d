"""`predict` of ML Programs: images, classifiers, several functions, whole and half numbers."""

import os

import numpy as np
import pytest

pytest.importorskip(
    "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
)

import coremltools as ct
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813

from coreml_resize_fix import predict
from coreml_resize_fix.errors import ResizeFixError, UsageError
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.verify.network import execute
from tests.formats.mlprogram import build

PIXELS = np.random.RandomState(0).randint(0, 256, (4, 6, 3)).astype(np.uint8)
PLANES = np.moveaxis(PIXELS, -1, 0)[np.newaxis].astype(np.float64)


def converted(make, shape=(1, 3, 4, 6), ios=16, precision="float32", **more):
    with build.quiet():
        made = mb.program(
            input_specs=[mb.TensorSpec(shape=shape)], opset_version=build.TARGETS[ios]
        )(make)
        return ct.convert(
            made,
            convert_to="mlprogram",
            minimum_deployment_target=build.TARGETS[ios],
            compute_precision=ct.precision(precision),
            skip_model_load=True,
            **more,
        )


def plus_one(x):
    return mb.add(x=x, y=1.0, name="y")


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("layout", [ct.colorlayout.RGB, ct.colorlayout.BGR])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_images_and_what_enters_behind_their_preprocessing(layout, precision):
    image = ct.ImageType("x", (1, 3, 4, 6), scale=0.5, bias=[-1, -2, -3], color_layout=layout)
    model = converted(plus_one, precision=precision, inputs=[image])
    found = predict(model, {"x": PIXELS})["y"]
    planes = PLANES if layout == ct.colorlayout.RGB else PLANES[:, ::-1]
    expected = planes * 0.5 - np.array([1, 2, 3]).reshape(3, 1, 1) + 1
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    folder = os.path.dirname(model.weights_dir)
    opened = open_bytes(model.get_spec().SerializeToString(), "made", ModelFolder(folder))
    tensor = np.random.RandomState(1).uniform(-1, 1, (1, 3, 4, 6)).astype(np.float32)
    behind = execute(opened, {"x": tensor}).outputs["y"]
    np.testing.assert_allclose(behind, tensor + 1, rtol=1e-5)


def test_without_preprocessing_a_tensor_enters_as_the_image():
    model = converted(plus_one, inputs=[ct.ImageType("x", (1, 3, 4, 6))])
    opened = open_bytes(model.get_spec().SerializeToString(), "made")
    tensor = np.float32(PLANES)
    np.testing.assert_array_equal(execute(opened, {"x": tensor}).outputs["y"], tensor + 1)


def test_an_image_comes_out():
    pytest.importorskip("PIL", reason="needs Pillow: pip install pillow")
    spec = converted(plus_one, inputs=[ct.ImageType("x", (1, 3, 4, 6))]).get_spec()
    given = spec.description.output[0].type
    given.CopyFrom(spec.description.input[0].type)
    found = predict(spec, {"x": PIXELS})["y"]
    np.testing.assert_array_equal(np.asarray(found), np.minimum(PIXELS, 254) + 1)


def test_a_classifier():
    def scores(x):
        return mb.softmax(x=mb.reduce_mean(x=x, axes=[2, 3]), axis=-1, name="scores")

    model = converted(scores, classifier_config=ct.ClassifierConfig(["red", "green", "blue"]))
    found = predict(model, {"x": np.float32(PLANES) / 255})
    means = np.exp(PLANES.mean((0, 2, 3)) / 255)
    expected = dict(zip(["red", "green", "blue"], means / means.sum()))
    (label,) = [value for value in found.values() if isinstance(value, str)]
    (chances,) = [value for value in found.values() if isinstance(value, dict)]
    assert chances == pytest.approx(expected, rel=1e-5)
    assert label == max(expected, key=expected.get)


def test_half_numbers_come_out_as_single_and_whole_ones_as_they_are():
    model = converted(lambda x: mb.reduce_argmax(x=x, axis=1, name="y"))
    found = predict(model, {"x": np.float32(PLANES)})["y"]
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, PLANES.argmax(1))
    half = converted(
        plus_one,
        precision="float16",
        inputs=[ct.TensorType("x", (1, 3, 4, 6), dtype=np.float16)],
        outputs=[ct.TensorType("y", dtype=np.float16)],
    )
    assert predict(half, {"x": np.float16(PLANES)})["y"].dtype == np.float32


def times(factor):
    return lambda x: mb.mul(x=x, y=factor, name="y")


def test_one_of_several_functions(tmp_path):
    paths = {}
    for name, factor in (("double", 2.0), ("triple", 3.0)):
        model = converted(times(factor), ios=18)
        paths[name] = str(tmp_path / (name + ".mlpackage"))
        model.save(paths[name])
    wanted = ct.utils.MultiFunctionDescriptor()
    for name, path in paths.items():
        wanted.add_function(path, src_function_name="main", target_function_name=name)
    wanted.default_function_name = "triple"
    both = str(tmp_path / "both.mlpackage")
    with build.quiet():
        ct.utils.save_multifunction(wanted, both)
    x = np.float32(PLANES)
    np.testing.assert_array_equal(predict(both, {"x": x})["y"], 3 * x)
    np.testing.assert_array_equal(predict(both, {"x": x}, function="double")["y"], 2 * x)
    with pytest.raises(UsageError, match="no function `main`") as raised:
        predict(both, {"x": x}, function="main")
    assert "`double`" in raised.value.hint


def test_a_flexible_input():
    shape = ct.Shape((1, 3, ct.RangeDim(2, 9, 4), ct.RangeDim(2, 9, 6)))
    with build.quiet():
        made = mb.program(
            input_specs=[mb.TensorSpec((1, 3, build_symbol(), build_symbol()))],
            opset_version=build.TARGETS[16],
        )(plus_one)
        model = ct.convert(
            made, convert_to="mlprogram", inputs=[ct.TensorType("x", shape)],
            minimum_deployment_target=ct.target.iOS16, skip_model_load=True,
            compute_precision=ct.precision.FLOAT32,
        )  # fmt: skip
    assert predict(model, {"x": np.zeros((1, 3, 7, 2))})["y"].shape == (1, 3, 7, 2)
    with pytest.raises(UsageError, match="takes an array of shape"):
        predict(model, {"x": np.zeros((1, 3, 7, 10))})


def build_symbol():
    from coremltools.converters.mil.mil import get_new_symbol

    return get_new_symbol()


def test_a_spec_alone_has_no_weights():
    kernel = np.ones((3, 3, 3, 3), np.float32)
    model = converted(lambda x: mb.conv(x=x, weight=kernel, name="y"))
    assert predict(model, {"x": np.float32(PLANES)})["y"].shape == (1, 3, 2, 4)
    says = r"\(`y`\) reads weights from `weights/weight.bin`, which a spec in memory does not have"
    with pytest.raises(ResizeFixError, match=says):
        predict(model.get_spec(), {"x": np.float32(PLANES)})
