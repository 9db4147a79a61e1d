"""Resizes that a manifest names by address: of the file that was converted, before any fix."""

import random

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix.formats.mlprogram.operations import UpsampleNearest
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.formats.mlprogram import build
from tests.formats.mlprogram.build import mb
from tests.formats.mlprogram.editing import rewritten
from tests.formats.mlprogram.test_edits import as_coremltools_infers

NATIVE = [{"align_corners": True}, {"align_corners": False}]
SEVERAL = [*NATIVE, {"mode": "bicubic"}, {"mode": "nearest-exact"}, {"antialias": True}]
SEVERAL_OF_AREA = [*SEVERAL, {"mode": "area"}]


class Drawn:
    """A random program: `asks` are the arguments of each resize, by its name."""

    def __init__(self, seed, asks):
        self.some, self.choices, self.asks = random.Random(seed), asks, {}

    def maker(self):
        """coremltools counts the arguments of what it calls: no method."""
        return lambda x: self.function(x)

    def function(self, x):
        """What is made of x of 4×6 pixels; its resizes are `r0`, `r1`, …"""
        count, wanted, size = 0, self.some.randint(2, 5), (4, 6)
        while count < wanted:
            x = self.between(x, (size[0], size[1]))
            if wanted - count > 1 and self.some.random() < 0.4:
                x, size = self.branches(x, size, count)
                count += 2
            else:
                x, size = self.resize(x, size, f"r{count}")
                count += 1
        return mb.relu(x=x, name="end")

    def between(self, x, size):
        for _ in range(self.some.randint(0, 2)):
            x = self.some.choice((mb.relu, mb.sigmoid))(x=x)
        if self.some.random() < 0.4:
            # The size that the file makes, which must become the one that is meant.
            x = mb.reshape(x=x, shape=[int(n) for n in x.shape])
        return x

    def resize(self, x, size, name, meant=None):
        made = meant or tuple(n * 2 if self.some.random() < 0.5 else n + 3 for n in size)
        self.asks[name] = {**self.some.choice(self.choices), "size": made}
        up = mb.upsample_nearest_neighbor(
            x=x, scale_factor_height=2, scale_factor_width=2, name=name
        )
        return up, made

    def branches(self, x, size, count):
        """Two branches that each make the same size; one may hold another condition."""
        meant = tuple(n + 1 for n in size)
        more = mb.greater(x=mb.reduce_max(x=x, axes=[0, 1, 2, 3]), y=1.0)

        def branch(name, inner=False):
            def body():
                y = mb.relu(x=x) if self.some.random() < 0.5 else x
                if inner:
                    return mb.cond(pred=more, _true_fn=branch(name), _false_fn=branch(f"{name}b"))
                return mb.relu(x=self.resize(y, size, name, meant)[0])

            return body

        nested = self.some.random() < 0.4
        first, second = branch(f"r{count}", nested), branch(f"r{count + 1}")
        return mb.cond(pred=more, _true_fn=first, _false_fn=second), meant


def drawn(seed, asks, functions=1):
    """A model file of several functions, and the arguments of its resizes, by their address."""
    made, pins = None, {}
    for index in range(functions):
        one = Drawn(100 * seed + index, asks)
        data = build.model_file(build.program(one.maker(), (1, 2, 4, 6)))
        spec = schema.model_class().FromString(data)
        name = f"other{index}" if index else "main"
        made = made or spec
        made.mlProgram.functions[name].CopyFrom(spec.mlProgram.functions["main"])
        if functions > 1:
            told = made.description.functions.add(name=name)
            told.output.extend(spec.description.output)
        pins.update(
            (address, {**one.asks[key], "name": key})
            for address, key in resizes(spec.mlProgram.functions["main"], name)
        )
    return made, pins


def resizes(function, where):
    """(address, name) of the resizes of a function, as they lie in the file."""
    return list(_below(function.block_specializations[function.opset], where))


def _below(block, where):
    for index, operation in enumerate(block.operations):
        address = f"{where}/ops[{index}]"
        if operation.type == "upsample_nearest_neighbor":
            yield address, operation.outputs[0].name
        for number, inner in enumerate(operation.blocks):
            yield from _below(inner, f"{address}.blocks[{number}]")


def asked(pins, decompose):
    intents = [
        Intent(layer=address, **{key: one for key, one in ask.items() if key != "name"})
        for address, ask in pins.items()
    ]
    return pipeline.Request(manifest=intents, decompose=decompose)


def run(data, pins, decompose):
    report, result = pipeline.process_bytes(data, "model", asked(pins, decompose))
    assert report.exit_code == 0
    found = {one.layer.original_address: one for one in report.findings}
    assert {address: one.layer.name for address, one in found.items()} == {
        address: ask["name"] for address, ask in pins.items()
    }
    return {address: one.verdict for address, one in found.items()}, result


def check(data, pins, decompose, some):
    """A fix, the same again, another intent for one resize, and back: each where it was."""
    verdicts, first = run(data, pins, decompose)
    assert "fixed" in verdicts.values()  # nearest-exact may be what the file does
    verdicts, again = run(first, pins, decompose)
    assert (set(verdicts.values()), again) == ({"match"}, first)
    one = some.choice(sorted(pins))
    other = dict(pins[one])
    for key in ("mode", "antialias", "align_corners"):
        other.pop(key, None)
    other["align_corners"] = not pins[one].get("align_corners")
    verdicts, second = run(first, {**pins, one: other}, decompose)
    assert {address for address, verdict in verdicts.items() if verdict == "fixed"} == {one}
    assert run(second, {**pins, one: other}, decompose)[1] == second
    _, back = run(second, pins, decompose)
    assert back == first
    return first


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("several", [False, True], ids=["native", "decompose"])
@pytest.mark.parametrize("seed", range(30))
def test_a_manifest_means_the_file_as_it_was_converted(seed, several):
    model, pins = drawn(seed, SEVERAL_OF_AREA if several else NATIVE)
    result = check(model.SerializeToString(), pins, several, random.Random(seed))
    assert as_coremltools_infers(result)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("several", [False, True], ids=["native", "decompose"])
@pytest.mark.parametrize("seed", range(30, 38))
def test_several_functions(seed, several):
    model, pins = drawn(seed, SEVERAL if several else NATIVE, functions=3)
    result = check(model.SerializeToString(), pins, several, random.Random(seed))
    assert build.inferred(result)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("several", [False, True], ids=["native", "decompose"])
@pytest.mark.parametrize("seed", range(40, 44))
def test_programs_of_a_pipeline(seed, several):
    pins, outer = {}, schema.model_class()(specificationVersion=6)
    for index in range(2):
        model, own = drawn(10 * seed + index, SEVERAL if several else NATIVE)
        outer.pipeline.models.add().CopyFrom(model)
        pins.update((f"pipeline[{index}]/{address}", ask) for address, ask in own.items())
    check(outer.SerializeToString(), pins, several, random.Random(seed))


def doubled(x, name):
    return mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=2, name=name)


def test_an_address_that_another_resize_has_now():
    """The first one now lies where the second one did; the manifest means the second."""
    made = build.program(lambda x: doubled(doubled(x, "one"), "two"), (1, 2, 4, 6))
    model = schema.model_class().FromString(build.model_file(made))
    assert resizes(model.mlProgram.functions["main"], "main") == [
        ("main/ops[2]", "one"),
        ("main/ops[5]", "two"),
    ]
    pins = {
        "main/ops[2]": {"size": (7, 9), "name": "one"},
        "main/ops[5]": {"size": (20, 30), "align_corners": True, "name": "two"},
    }
    _, result = run(model.SerializeToString(), pins, False)
    report, same = pipeline.process_bytes(result, "model", asked(pins, False))
    assert [one.layer.address for one in report.findings] == ["main/ops[5]", "main/ops[11]"]
    assert (report.exit_code, same) == (0, result)
    assert (
        "`main/ops[5]` names `two`, which had that address before this file was fixed; "
        "`one` has it now"
    ) in report.notices


@pytest.mark.slow
def test_a_size_that_is_computed_at_run_time():
    """The operations that compute it come before the resize, and go when it is replaced."""

    def make(x):
        small = mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="same")
        up = mb.concat(values=[doubled(small, "one"), mb.relu(x=x)], axis=1)
        return mb.relu(x=doubled(up, "two"), name="end")

    range_of = [build.ct.RangeDim(8, 64, 16), build.ct.RangeDim(8, 64, 24)]
    specs = [mb.TensorSpec(shape=(1, 3, build.symbol(), build.symbol()))]
    with build.quiet():
        made = mb.program(input_specs=specs, opset_version=build.TARGETS[17])(make)
    given = [build.ct.TensorType("x", (1, 3, *range_of))]
    data = build.model_file(made, 17, given)
    model = schema.model_class().FromString(data)
    addresses = [address for address, _ in resizes(model.mlProgram.functions["main"], "main")]
    pairs = [((8, 12), (16, 24)), ((9, 11), (17, 21)), ((17, 32), (33, 63))]
    first, follows = (
        {"sizes": tuple(pairs), "name": "one"},
        {"scale_factor": (2.0, 2.0), "name": "two"},
    )
    first.update(size=pairs[0][1], input_size=pairs[0][0], output_size=pairs[0][1])
    pins = dict(zip(addresses, (first, follows)))
    verdicts, result = run(data, pins, False)
    assert set(verdicts.values()) == {"fixed"}
    assert run(result, pins, False)[1] == result
    kinds = [one.type for one in main_block(result).operations]
    assert "slice_by_index" in kinds
    verdicts, aligned = run(result, {**pins, addresses[0]: {**first, "align_corners": True}}, False)
    assert sorted(verdicts.values()) == ["fixed", "match"]
    assert [one.type for one in main_block(aligned).operations].count("slice_by_index") == 1
    assert build.inferred(aligned)

    def by_factors(resize, shapes):
        return UpsampleNearest(2, 2) if resize.names[0] == "one" else None

    plain, _, _ = rewritten(result, by_factors, 8)
    helping = [one for one in main_block(plain).operations if "one__resize_" in str(one.outputs)]
    assert [one.type for one in helping] == ["const", "const"]


def main_block(data):
    function = schema.model_class().FromString(data).mlProgram.functions["main"]
    return function.block_specializations[function.opset]


def test_a_name_like_that_of_an_added_operation_moves_nothing():
    """Nothing is made further on that it could help, or it says another kind."""

    def make(x):
        x = mb.relu(x=x, name="decoder__resize_relu")
        x = mb.relu(x=mb.relu(x=x, name="one__resize_bilinear"), name="end__resize_sigmoid")
        return mb.relu(x=doubled(x, "one"), name="end")

    model = schema.model_class().FromString(build.model_file(build.program(make, (1, 2, 4, 6))))
    ((address, name),) = resizes(model.mlProgram.functions["main"], "main")
    pins = {address: {"size": (8, 12), "align_corners": True, "name": name}}
    check(model.SerializeToString(), pins, False, random.Random(0))


def test_outputs_described_once_are_those_of_the_first_function():
    """No function has a description of its own, and two change outputs of one name."""
    model, pins = drawn(3, NATIVE, functions=3)
    del model.description.functions[:]
    run(model.SerializeToString(), pins, decompose=False)
