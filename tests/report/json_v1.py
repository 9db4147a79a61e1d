"""The JSON report, version 1, as literals: every key and what it may hold."""

import json
import os
import re

import jsonschema

import coreml_resize_fix

SCHEMA_PATH = os.path.join(
    os.path.dirname(coreml_resize_fix.__file__), "report", "schema", "report-v1.json"
)
with open(SCHEMA_PATH, encoding="utf-8") as file:
    SCHEMA = json.load(file)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

VERDICTS = ("match", "fixed", "fixable", "needs-option", "unmatchable", "no-intent", "ambiguous")

DOCUMENT = {"format", "version", "tool_version", "exit_code", "models", "summary", "errors"}
ERROR = {"path", "message", "details", "help", "exit_code"}
MODEL = {
    "path",
    "output",
    "sha256",
    "spec_version",
    "minimum_ios",
    "layers",
    "unused_intents",
    "intents_without_layer",
    "notices",
    "codes",
    "cannot_run",
    "usable_sizes",
    "model_kind",
    "network",
    "network_details",
    "effects",
}
EFFECTS = {"inputs", "outputs", "wrong_resizes", "not_run"}
EFFECT = {"name", "max_abs_error", "changed_pixels", "pixels"}
NETWORK = {"runtime", "tolerance", "outputs", "first_drift", "not_run"}
OUTPUT = {
    "name",
    "max_abs_error_before",
    "max_abs_error_after",
    "magnitude",
    "within_tolerance",
}
CONFLICT = {"address", "name", "kind", "message"}
USABLE = {"all", "multiple_of", "list"}
LAYER = {
    "address",
    "name",
    "kind",
    "verdict",
    "codes",
    "message",
    "intent",
    "intent_name",
    "size_law",
    "input_size",
    "before",
    "after",
    "max_shift_px",
    "max_abs_error_before",
    "max_abs_error_after",
    "needs",
    "replacement",
    "added_layers",
}
PARAMETERS = {
    "upsample": {
        "scalingFactor",
        "fractionalScalingFactor",
        "mode",
        "linearUpsampleMode",
        "output_size",
    },
    "resizeBilinear": {"targetSize", "mode", "output_size"},
    "pooling": {
        "type",
        "kernelSize",
        "stride",
        "padding",
        "paddingAmounts",
        "avgPoolExcludePadding",
        "globalPooling",
        "output_size",
    },
    "composite": {"name", "layers", "multiply_adds", "bytes", "output_size"},
}
# Of an ML Program: parameters under MIL's names, of which some may be absent.
FACTORS = {"scale_factor_height", "scale_factor_width"}
TARGETS = {"target_size_height", "target_size_width"}
OPERATIONS = {
    "upsample_bilinear": FACTORS | {"align_corners", "half_pixel_centers"},
    "upsample_nearest_neighbor": FACTORS,
    "resize_bilinear": TARGETS | {"sampling_mode"},
    "resize_nearest_neighbor": TARGETS,
    "resize": {"shape", "shape_of", "resized_dims", "interpolation_mode", "sampling_mode"},
    "pooling": {
        "kernel_sizes",
        "strides",
        "pad_type",
        "pad",
        "exclude_padding_from_average",
        "ceil_mode",
    },
    "composite": {"name", "layers", "multiply_adds", "bytes"},
}
INTENT = {
    "name",
    "layer",
    "framework",
    "mode",
    "align_corners",
    "antialias",
    "size",
    "scale_factor",
    "recompute_scale_factor",
    "input_size",
    "output_size",
    "channels",
}
ONNX = {"coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside"}
ADDRESS = re.compile(
    r"^(pipeline\[\d+\]/)*layers\[\d+\](/\w+/layers\[\d+\])*$"
    r"|^\w+/ops\[\d+\](\.blocks\[\d+\]/ops\[\d+\])*$"
)


def is_size(value):
    return len(value) == 2 and all(type(n) is int and n >= 0 for n in value)


def check(document):
    """Assert that a parsed report is of version 1, by the schema that ships, too."""
    VALIDATOR.validate(document)
    assert set(document) == DOCUMENT
    assert (document["format"], document["version"]) == ("coreml-resize-fix/report", 1)
    assert re.match(r"^\d+\.\d+\.\d+", document["tool_version"])
    assert document["exit_code"] in (0, 1, 2, 3)
    counts = {}
    for model in document["models"]:
        check_model(model)
        for layer in model["layers"]:
            counts[layer["verdict"]] = counts.get(layer["verdict"], 0) + 1
    assert document["summary"] == counts
    for error in document["errors"]:
        check_error(error)


def check_error(error):
    assert set(error) == ERROR
    assert error["path"] is None or type(error["path"]) is str
    assert all(type(line) is str for line in [error["message"], error["help"]] + error["details"])
    assert error["exit_code"] in (1, 2)


def check_model(model):
    assert set(model) == MODEL
    assert type(model["path"]) is str
    assert model["model_kind"] in ("neural-network", "ml-program")
    assert model["output"] is None or type(model["output"]) is str
    assert model["sha256"] is None or re.match(r"^[0-9a-f]{64}$", model["sha256"])
    for key, kind in (("spec_version", int), ("minimum_ios", str)):
        assert set(model[key]) == {"before", "after"}
        assert all(type(value) is kind for value in model[key].values())
    for key in ("unused_intents", "notices"):
        assert all(type(text) is str for text in model[key])
    for entry in model["intents_without_layer"]:
        assert set(entry) == {"intent", "reason", "message"}
        assert all(type(text) is str and text for text in entry.values())
        assert entry["reason"] in ("copies", "unused", "computed-elsewhere", "missing")
    missing = [e["intent"] for e in model["intents_without_layer"] if e["reason"] == "missing"]
    assert sorted(missing) == sorted(model["unused_intents"])
    for layer in model["layers"]:
        check_layer(layer)
    assert all(re.match(r"^RSZ4\d{2}$", code) for code in model["codes"])
    for conflict in model["cannot_run"]:
        assert set(conflict) == CONFLICT
        assert all(type(text) is str for text in conflict.values())
    if model["usable_sizes"] is not None:
        check_usable(model["usable_sizes"])
    assert (model["network"] is None) == (model["network_details"] is None)
    if model["network"] is not None:
        check_network(model["network"])
        check_details(model["network_details"])
    if model["effects"] is not None:
        check_effects(model["effects"])


def is_error(value):
    return value is None or (type(value) is float and value >= 0)


def check_network(network):
    assert set(network) == NETWORK
    assert network["runtime"] in ("numpy", "coreml")
    assert type(network["tolerance"]) is float
    for output in network["outputs"]:
        assert set(output) == OUTPUT
        before, after = output["max_abs_error_before"], output["max_abs_error_after"]
        assert is_error(before)
        assert is_error(after)
        last = before if after is None else after
        if output["within_tolerance"]:
            assert last <= network["tolerance"] * (output["magnitude"] or 1.0)
    for key, last in (("first_drift", "max_abs_error"), ("not_run", "reason")):
        found = network[key]
        assert found is None or set(found) == {"address", "name", last}


def check_details(details):
    assert set(details) == {"message", "with_intended_resizes", "wrong_resizes"}
    assert type(details["message"]) is str
    assert details["message"]
    assert all(is_error(one["max_abs_error"]) for one in details["with_intended_resizes"])
    check_wrong_resizes(details["wrong_resizes"])


def check_effects(effects):
    assert set(effects) == EFFECTS
    assert effects["inputs"] in ("test-image", "reference")
    for output in effects["outputs"]:
        assert set(output) == EFFECT | {"magnitude"}
        assert is_error(output["max_abs_error"])
        assert is_error(output["magnitude"])
    check_wrong_resizes(effects["wrong_resizes"])
    stopped = effects["not_run"]
    assert stopped is None or set(stopped) == {"address", "name", "reason"}
    assert bool(effects["outputs"]) == (stopped is None)


def check_wrong_resizes(found):
    for resize in found:
        assert set(resize) == {"address", "name", "outputs"}
        for output in resize["outputs"]:
            assert set(output) == EFFECT
            assert is_error(output["max_abs_error"])


def check_usable(values):
    """Everywhere, or a rule, or a list: one of the three says it."""
    assert set(values) == USABLE
    assert type(values["all"]) is bool
    rule, sizes = values["multiple_of"], values["list"]
    assert (values["all"], rule is not None, sizes is not None).count(True) == 1
    assert rule is None or is_size(rule)
    assert sizes is None or all(is_size(size) for size in sizes)


def check_layer(layer):
    assert set(layer) == LAYER
    assert ADDRESS.match(layer["address"])
    assert layer["verdict"] in VERDICTS
    assert all(re.match(r"^RSZ\d{3}$", code) for code in layer["codes"])
    assert type(layer["name"]) is str
    assert type(layer["message"]) is str
    assert layer["message"]
    if "ops[" in layer["address"]:
        assert set(layer["before"]) - {"output_size"} <= OPERATIONS[layer["kind"]]
        assert layer["after"] is None or any(
            set(layer["after"]) - {"output_size"} <= keys for keys in OPERATIONS.values()
        )
    else:
        check_parameters(layer["before"])
        assert PARAMETERS[layer["kind"]] == set(layer["before"])
        if layer["after"] is not None:
            check_parameters(layer["after"])
    check_replacement(layer)
    assert layer["input_size"] is None or is_size(layer["input_size"])
    for key in ("max_shift_px", "max_abs_error_before", "max_abs_error_after"):
        assert layer[key] is None or (type(layer[key]) is float and layer[key] >= 0)
    assert all(re.match(r"^--[a-z-]+( iOS[\d.]+)?$", need) for need in layer["needs"])
    assert bool(layer["needs"]) == (layer["verdict"] == "needs-option")
    assert (layer["intent"] is None) == (layer["intent_name"] is None)
    if layer["intent"] is not None:
        check_intent(layer["intent"])


def check_replacement(layer):
    assert type(layer["added_layers"]) is int
    if layer["after"] is None:
        assert (layer["replacement"], layer["added_layers"]) == (None, 0)
    elif set(layer["after"]) == PARAMETERS["composite"]:
        assert layer["replacement"] == "decomposed"
        assert layer["added_layers"] == len(layer["after"]["layers"]) - 1
    else:
        assert (layer["replacement"], layer["added_layers"]) == ("native", 0)


def check_parameters(values):
    assert set(values) in PARAMETERS.values()
    assert values["output_size"] is None or is_size(values["output_size"])
    for key in ("scalingFactor", "targetSize"):
        assert all(type(n) is int for n in values.get(key, ()))
    assert all(type(n) is float for n in values.get("fractionalScalingFactor", ()))
    if set(values) == PARAMETERS["composite"]:
        check_composite(values)
    else:
        assert type(values["mode"]) is str


def check_composite(values):
    assert type(values["name"]) is str
    assert values["layers"]
    assert all(type(kind) is str for kind in values["layers"])
    assert values["multiply_adds"] is None or type(values["multiply_adds"]) is int
    assert type(values["bytes"]) is int


def check_intent(values):
    known = set(values) - {"used", "site"}
    assert known == (INTENT | ONNX if values["framework"] == "onnx" else INTENT)
    for key in ("name", "layer"):
        assert values[key] is None or type(values[key]) is str
    for key in ("framework", "mode"):
        assert type(values[key]) is str
    for key in ("align_corners", "antialias"):
        assert type(values[key]) is bool
    for key in ("size", "input_size", "output_size"):
        assert values[key] is None or is_size(values[key])
    assert values["scale_factor"] is None or all(type(n) is float for n in values["scale_factor"])
    assert values["recompute_scale_factor"] in (None, True, False)
    assert values["channels"] is None or type(values["channels"]) is int
