"""The cases: nothing that a device should be asked is missing, and every model is well formed."""

import itertools
import math

import numpy as np
import pytest

from coreml_resize_fix.conformance import case, grids, layers, operations, replaced
from coreml_resize_fix.conformance.records import cases
from coreml_resize_fix.formats.mlprogram import write_steps
from coreml_resize_fix.formats.mlprogram.execute import table as programs
from coreml_resize_fix.formats.neuralnetwork.execute import table as networks
from coreml_resize_fix.formats.open import open_bytes
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.replacements.table import REPLACEMENTS

NEWER = pytest.mark.skipif(
    not schema.knows_ios14(), reason="needs a coremltools that knows iOS 14: coremltools>=4"
)
PARTS = ("/grid/", "/edge/", "/replacement/", "/kind/")


def those(start):
    return [name for name in cases() if name.startswith(start)]


@pytest.mark.slow
def test_every_case_has_a_name_of_its_own():
    made = [
        *grids.cases(), *grids.edge_cases(), *replaced.cases(), *layers.cases(),
        *operations.cases(),
    ]  # fmt: skip
    assert len({one.name for one in made}) == len(made) == len(cases())
    for one in made:
        assert one.name.startswith(one.kind)
        assert sum(part in one.name for part in PARTS) == 1
        assert one.name.endswith("/" + one.precision) or one.kind == "neural-network"


def test_every_native_resize_is_asked_for():
    """The words of NeuralNetwork.proto and of MIL's documentation, written down here."""
    for linear in ("DEFAULT", "ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE"):
        for mode in ("NN", "BILINEAR"):
            assert those(f"neural-network/grid/upsample {mode} {linear} whole")
        fractions = those(f"neural-network/grid/upsample BILINEAR {linear} fraction")
        assert bool(fractions) == (linear != "DEFAULT")
    for mode in ("STRICT_ALIGN_ENDPOINTS", "ALIGN_ENDPOINTS", "UPSAMPLE", "ROI_ALIGN"):
        for what in ("up", "down", "to one", "of one", "wide"):
            assert those(f"neural-network/grid/resizeBilinear {mode}_MODE {what}")
    sampling = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS",
                "UNALIGN_CORNERS")  # fmt: skip
    kinds = [f"resize_bilinear {mode}" for mode in sampling]
    kinds += [
        f"resize {how} {mode}"
        for how, mode in itertools.product(("LINEAR", "NEAREST_NEIGHBOR"), sampling)
    ]
    for kind, what in itertools.product([*kinds, "resize_nearest_neighbor"], ("up", "down")):
        assert len(those(f"ml-program/grid/{kind} {what}/")) == 2  # precisions
    flags = ((True, False), (False, True), (False, False))
    for (aligned, half), what in itertools.product(flags, ("whole", "fraction", "down", "to one")):
        name = f"upsample_bilinear align_corners={aligned} half_pixel_centers={half} {what}/"
        assert len(those("ml-program/grid/" + name)) == 2


@pytest.mark.slow
def test_every_factor_on_an_edge_is_asked_for():
    """Computed with NumPy's own float32: the least width of each factor in hundredths up to 3."""
    found = {}
    for width, hundredths in itertools.product(range(1, 26), range(1, 301)):
        factor = np.float32(hundredths / 100)
        single = math.floor(np.float32(width) * factor)
        double = math.floor(np.float64(width) * np.float64(factor))
        if single != double and min(single, double) > 0:
            found.setdefault(hundredths / 100, (width, single, double))
    assert (found[1.16], found[0.7]) == ((25, 29, 28), (10, 7, 6))
    assert {factor: width for width, factor in grids.edges()} == {
        factor: width for factor, (width, _, _) in found.items()
    }
    for factor, (width, single, double) in found.items():
        label = f"{factor:g} of {width}"
        names = those(f"ml-program/edge/upsample_bilinear {label}, ")
        assert len(names) == 5  # either size declared in either precision, and none
        for name in names:
            first = double if "double declared" in name else single
            shapes = [made[0].shape[-1] for made in cases()[name].readings().values()]
            assert (shapes[0], set(shapes)) == (first, {single, double})
        assert those(f"neural-network/edge/upsample {label}")


@pytest.mark.skipif(
    "mlProgram" not in schema.model_class().DESCRIPTOR.fields_by_name,
    reason="needs a coremltools that knows ML Programs: coremltools>=5",
)
def test_every_replacement_is_asked_for_in_every_form():
    for kind in ("neural-network", "ml-program"):
        found = {name.split("/")[2] for name in those(f"{kind}/replacement/")}
        expected = {row.name for row in REPLACEMENTS}
        expected |= {"1×1 convolution"} if kind == "neural-network" else {"average pooling"}
        missing = {"padded resize"} if kind == "neural-network" else {"CropResize"}
        assert found == expected - missing
    for precision in ("float32", "float16"):
        assert [name for name in cases() if "/replacement/" in name and name.endswith(precision)]
    assert [name for name in cases() if "in float32/float16" in name]
    models = [schema.model_class().FromString(cases()[name].model()) for name in cases()
              if "/replacement/" in name]  # fmt: skip
    kinds = {one.WhichOneof("layer") for model in models for one in model.neuralNetwork.layers}
    assert kinds == {
        "activation", "batchedMatmul", "convolution", "crop", "cropResize", "expandDims", "gather",
        "loadConstant", "loadConstantND", "padding", "permute", "squeeze", "upsample",
    }  # fmt: skip
    functions = [model.mlProgram.functions["main"] for model in models]
    blocks = [block for one in functions for block in one.block_specializations.values()]
    made = {operation.type for block in blocks for operation in block.operations}
    assert made == {form.kind for form in write_steps.FORMS.values()} | {
        "avg_pool",
        "cast",
        "const",
    }


@pytest.mark.parametrize(
    ("kind", "table", "left_out"),
    [("neural-network", networks, {}), ("ml-program", programs, operations.LEFT_OUT)],
)
def test_every_kind_of_the_executor_is_asked_for_or_says_why_not(kind, table, left_out):
    found = {one for name in those(f"{kind}/kind/") for one in name.split("/")[2].split("+")}
    assert found | set(left_out) == set(table.KINDS) | (found & set(table.CONTROL))
    assert not found & set(left_out)
    assert all(left_out.values())


def test_images_tell_grids_apart():
    """Distinct numbers that half precision holds, never a tie, and no two readings alike."""
    image = case.drawn((2, 7, 9))
    assert len(set(image.ravel().tolist())) == image.size
    assert (image.astype(np.float16).astype(np.float32) == image).all()
    assert 0 < np.abs(image).min() < np.abs(image).max() < 1
    for name in those("ml-program/grid/resize_bilinear"):
        if " up/" in name:
            readings = cases()[name].readings()
            documented = readings.pop("documented")[0]
            apart = [np.abs(documented - other[0]).max() for other in readings.values()]
            assert sorted(apart)[1] > 0.1  # at N > 1 the two aligned modes are one


@pytest.mark.parametrize(
    ("mode", "what", "positions"),
    [
        ("UNALIGN_CORNERS", "ties", [0.5, 2.5, 4.5, 6.5]),
        ("DEFAULT", "ties", [0, 0.5, 1, 1.5, 2, 2.5, 3, 3]),
        ("STRICT_ALIGN_CORNERS", "more ties", [0, 0.5, 1, 1.5, 2]),
        ("ALIGN_CORNERS", "more ties", [0, 0.5, 1, 1.5, 2]),
        ("OFFSET_CORNERS", "more ties", [0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_some_case_of_each_mode_tells_ties_apart(mode, what, positions):
    (name,) = those(f"ml-program/grid/resize NEAREST_NEIGHBOR {mode} {what}/float32")
    readings = {key: made[0] for key, made in cases()[name].readings().items()}
    (image,) = cases()[name].inputs.values()
    documented = readings["documented"]
    axis = documented.shape.index(len(positions), 2)
    # The other axis is resized, too: each line is one of these.
    before, behind = (
        np.take(image, rounding(np.array(positions)).astype(int), axis)
        for rounding in (np.floor, np.ceil)
    )
    assert _is_of(documented, before, axis)
    assert any(_is_of(made, behind, axis) for made in readings.values())
    assert any((made != documented).any() for key, made in readings.items() if "ceil" in key)


def _is_of(made, taken, axis):
    """Whether every line of `made` along an axis is one of `taken`."""
    lines = [
        {tuple(line) for line in np.moveaxis(one, axis, -1).reshape(-1, one.shape[axis]).tolist()}
        for one in (made, taken)
    ]
    return lines[0] <= lines[1]


@NEWER
def test_models_are_of_the_versions_that_know_them():
    name = "neural-network/grid/upsample BILINEAR DEFAULT whole"
    assert open_bytes(cases()[name].model(), "m").spec_version == 1
    name = "neural-network/grid/resizeBilinear UPSAMPLE_MODE up"
    assert open_bytes(cases()[name].model(), "m").spec_version == 3
    name = "neural-network/grid/upsample BILINEAR ALIGN_CORNERS_TRUE whole"
    assert open_bytes(cases()[name].model(), "m").spec_version == 5


@NEWER
def test_inputs_have_the_ranks_that_a_mapping_takes():
    """Of RANK5: one dimension, or channels, height and width (NeuralNetwork.proto)."""
    for name in those("neural-network/"):
        network = schema.model_class().FromString(cases()[name].model())
        if network.neuralNetwork.arrayInputShapeMapping == 0:
            assert {array.ndim for array in cases()[name].inputs.values()} <= {1, 3}, name
            assert network.specificationVersion <= 3, name
        else:
            assert network.specificationVersion >= 4, name


@pytest.mark.slow
@NEWER
def test_shape_rules_know_what_the_executor_makes_of_every_kind():
    """They and the executor share no code: of neither the one nor the other a row is misread."""
    for name in those("neural-network/kind/") + those("ml-program/kind/"):
        model = open_bytes(cases()[name].model(), name)
        (made,) = cases()[name].readings().values()
        (found,) = model.shapes({}).values()
        assert found.conflicts == (), name
        for output, array in zip(model.outputs, made):
            dims = found.outputs[output].dims
            assert len(dims) == array.ndim, name
            assert all(n in (None, size) for n, size in zip(dims, array.shape)), name
            assert None not in dims or "ynamic" in name or "whereNonZero" in name, name


@pytest.mark.slow
@pytest.mark.parametrize("part", ["grid", "replacement", "kind"])
def test_coremltools_infers_the_types_that_programs_declare(part, tmp_path):
    """Its loader raises where they differ. Of edges one of the two sizes is wrong on purpose."""
    pytest.importorskip(
        "coremltools", minversion="8.0", reason="needs coremltools: pip install 'coremltools>=8'"
    )
    from tests.formats.mlprogram import build

    names = those(f"ml-program/{part}/")
    assert len(names) > 100
    for name in names:
        assert build.inferred(cases()[name].model(), str(tmp_path)), name
