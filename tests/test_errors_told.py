"""What other libraries say of a failure, as a sentence of this tool says it."""

import pytest

from coreml_resize_fix.errors import told
from tests.cli.commands import CORNERS, FIXABLE, bound, model


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("Expecting value: line 1"), "expecting value: line 1"),
        (ImportError("No module named 'Foo'"), "no module named 'Foo'"),
        (ValueError("ONNX has no Conv."), "ONNX has no Conv"),
        (ValueError("\n  First line\nsecond"), "first line"),
        (ValueError(""), "ValueError"),
        (PermissionError(13, "Permission denied", "Some/Path"), "permission denied"),
    ],
)
def test_names_keep_their_letters_and_numbers_of_errors_go(error, says):
    assert told(error) == says


def test_onnx_runtime_is_quoted_without_its_code():
    pytest.importorskip("onnxruntime", reason="needs ONNX Runtime: pip install onnxruntime")
    helper = pytest.importorskip("onnx.helper", reason="needs onnx: pip install onnx")
    from coreml_resize_fix.intents.onnx import runtime

    value = helper.make_tensor_value_info("x", 1, [2])
    graph = helper.make_graph([helper.make_node("FooBar", ["x"], ["y"])], "g", [value], [])
    graph.output.add().name = "y"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    with pytest.raises(runtime.FailedError) as caught:
        runtime.compute(made.SerializeToString(), {}, ["y"])
    assert "FooBar" in str(caught.value)
    assert str(caught.value)[0].islower()
    assert "ONNXRuntimeError" not in str(caught.value)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("option", ["-m", "--reference"])
def test_tensors_that_may_not_be_read(option, tmp_path):
    """By themselves, and beside a manifest that may be."""
    source = model(FIXABLE, tmp_path)
    (tmp_path / "A.json").write_text('{"x": {"mode": "nearest"}}')
    secret = tmp_path / "A.npz"
    secret.write_bytes(b"x")
    secret.chmod(0)
    given = ["-m", tmp_path / "A.json"] if option == "-m" else ["--reference", secret]
    ran = bound(source, *given, *(["--assume", CORNERS] if option != "-m" else []))
    assert (ran.code, ran.out) == (2, "")
    assert "`{}` cannot be read: permission denied\nhelp: ".format(secret) in ran.err
