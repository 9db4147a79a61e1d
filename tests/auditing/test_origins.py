"""What coremltools remembers of calls in the process that converted them, as evidence."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip(
    "coremltools.converters.mil", reason="needs coremltools: pip install 'coremltools>=5'"
)

from coreml_resize_fix import audit, fix
from coreml_resize_fix.formats.origin import origins
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from tests.formats.mlprogram.build import mb, model_file, program


def remembering(scopes, inner=()):
    """Stands for an MLModel whose program has these scopes, by the names of values."""

    def block(found, blocks=()):
        named = [(SimpleNamespace(name=name), data) for name, data in found.items()]
        return SimpleNamespace(
            operations=[
                SimpleNamespace(outputs=[value], scopes=data, blocks=blocks)
                for value, data in named
            ]
        )

    functions = {"main": block(scopes, [block(one) for one in inner])}
    return SimpleNamespace(_mil_program=SimpleNamespace(functions=functions))


def named(*parts):
    return {SimpleNamespace(name="TORCHSCRIPT_MODULE_NAME").name: list(parts)}


def test_a_name_is_a_path_without_what_was_not_called():
    # torch.jit.trace of dec.0.up with coremltools 9: no ModuleList, the value last.
    origin = origins(remembering({"y": named("0", "up", "input.1")}))["y"]
    assert origin.may_be_of("dec.0.up")
    assert origin.may_be_of("0.up")
    for other in ("dec.1.up", "up", "dec.0", "dec.0.up.inner", "up.0", ""):
        assert not origin.may_be_of(other)


def test_the_models_own_call_is_no_modules():
    origin = origins(remembering({"y": named("48")}))["y"]
    assert origin.may_be_of("")
    assert not origin.may_be_of("up")


def test_a_whole_path_goes_before_a_name():
    scopes = {**named("0", "up", "y"), "TORCHSCRIPT_MODULE_PATH": ["dec", "0", "up"]}
    origin = origins(remembering({"y": scopes}))["y"]
    assert origin.may_be_of("dec.0.up")
    assert not origin.may_be_of("enc.0.up")


def test_blocks_inside_are_looked_into_and_a_name_twice_is_left_out():
    found = origins(remembering({"y": named("a", "y")}, [{"z": named("b", "z")}]))
    assert sorted(found) == ["y", "z"]
    assert "y" not in origins(remembering({"y": named("a", "y")}, [{"y": named("b", "y")}]))


@pytest.mark.parametrize(
    "held",
    [
        None,
        7,
        SimpleNamespace(),
        SimpleNamespace(functions=None),
        SimpleNamespace(functions={"main": SimpleNamespace(operations=[3])}),
        *[
            remembering({"y": scopes})._mil_program
            for scopes in (None, [], {"TORCHSCRIPT_MODULE_NAME": 7}, {"EXIR_STACK_TRACE": [None]})
        ],
    ],
    ids=str,
)
def test_another_form_says_nothing(held):
    assert origins(SimpleNamespace(_mil_program=held)) == {}
    assert origins(object()) == {}


# Eight calls of one tensor: what tells them apart is the module, and align_corners.
MODULES = ("up", "a.up", "b.up", "dec.0", "dec.1.up", "dec.1.up2", "head.x.deep", "tail")
NOT_CALLED = ("dec", "x")


class Converted:
    """As `coremltools.convert` returns a model: its spec, and what it remembers."""

    def __init__(self, spec, weights_dir=None, skip_model_load=True):
        self._spec = spec

    def get_spec(self):
        return self._spec


@pytest.fixture(scope="module")
def made():
    def network(x):
        called = [
            mb.upsample_bilinear(
                x=x,
                scale_factor_height=2,
                scale_factor_width=2,
                align_corners=index % 2 == 0,
                name=f"y{index}",
            )
            for index in range(len(MODULES))
        ]
        return mb.concat(values=called, axis=1)

    return model_file(program(network, (1, 2, 5, 7)))


def converted(data, modules):
    model = Converted(schema.model_class().FromString(data))
    model._mil_program = remembering(
        {
            f"y{index}": named(*[p for p in module.split(".") if p not in NOT_CALLED], f"y{index}")
            for index, module in enumerate(modules)
        }
    )._mil_program
    return model


def call(module, align_corners):
    return Intent(
        name=module,
        align_corners=align_corners,
        scale_factor=(2.0, 2.0),
        input_size=(5, 7),
        output_size=(10, 14),
        channels=2,
    )


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("first", range(0, 200, 10))
def test_calls_in_another_order_belong_to_their_modules(first, made):
    """200 networks: modules in any order, calls recorded in another, some of them dead."""
    for seed in range(first, first + 10):
        draw = random.Random(seed)
        modules = draw.sample(MODULES, len(MODULES))
        calls = [call(module, draw.random() < 0.5) for module in modules]
        wrong = [one.align_corners != (index % 2 == 0) for index, one in enumerate(calls)]
        dead = [call(f"aux{index}", draw.random() < 0.5) for index in range(draw.randrange(3))]
        recorded = draw.sample(calls + dead, len(calls + dead))
        report = audit(converted(made, modules), recorded, verify=False)
        assert [finding.intent.name for finding in report.findings] == modules
        verdicts = ["fixable" if one else "match" for one in wrong]
        assert [finding.verdict for finding in report.findings] == verdicts
        assert {intent.name for intent in report.unused} <= {intent.name for intent in dead}


def test_what_may_come_from_two_modules_is_left_to_the_order(made):
    """`dec.0` and `enc.0` are both called 0: order decides, as it did before."""
    modules = [f"m{index}" for index in range(6)] + ["dec.0", "enc.0"]
    model = converted(made, modules)
    del model._mil_program.functions["main"].operations[7]
    model._mil_program.functions["main"].operations[6].scopes = named("0", "y6")
    calls = [call(module, index % 2 == 0) for index, module in enumerate(modules)]
    report = audit(model, calls[:6] + [calls[7], calls[6]], verify=False)
    assert [finding.intent.name for finding in report.findings] == [*modules[:6], "enc.0", "dec.0"]


def test_a_contradicted_memory_is_not_believed(made):
    """Another number of channels was recorded for the module: it gets no layer, as by order."""
    calls = [call(module, index % 2 == 0) for index, module in enumerate(MODULES)]
    calls[0] = replace(calls[0], channels=3)
    report = audit(converted(made, MODULES), calls, verify=False)
    assert [finding.verdict for finding in report.findings] == ["no-intent"] + 7 * ["match"]
    assert list(report.unused) == calls[:1]


def test_a_fixed_model_remembers_and_is_left_alone(made):
    """A second fix by the same calls finds nothing to do, in whatever order they were recorded."""
    modules = list(reversed(MODULES))
    calls = [call(module, index % 3 == 0) for index, module in enumerate(modules)]
    recorded = random.Random(1).sample(calls, len(calls))
    fixed = fix(converted(made, modules), recorded)
    assert isinstance(fixed, Converted)
    assert not hasattr(fixed, "_mil_program")  # it would be that of the model before
    assert {finding.verdict for finding in audit(fixed, recorded).findings} == {"match"}
    assert fix(fixed, recorded) is fixed
