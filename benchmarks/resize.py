"""The reference resize on one thread, beside PyTorch, ONNX Runtime and OpenCV."""

import functools
import os
import sys
import time
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from measure import REPOSITORY, Row

sys.path.insert(0, REPOSITORY)

Call = Callable[[], object]

# mode, align_corners, (channels, height, width), (new height, new width)
CASES = (
    ("bilinear", False, (64, 256, 256), (512, 512)),
    ("bilinear", True, (64, 256, 256), (512, 512)),
    ("bilinear", True, (64, 27, 27), (53, 53)),
    ("bilinear", False, (64, 512, 512), (256, 256)),
    ("nearest", None, (64, 256, 256), (512, 512)),
    ("bicubic", False, (16, 256, 256), (512, 512)),
)
_ONNX_MODES = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}


def rows(rounds: int, folder: str) -> Iterator[Row]:
    for number in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[number] = "1"
    for case in CASES:
        calls = {name: make(*case) for name, make in _OTHERS.items()}
        missing = [name for name, call in calls.items() if call is None]
        timed = {name: call for name, call in calls.items() if call is not None}
        seconds = _alternately(dict(timed, ours=_ours(*case)), rounds)
        mode, align_corners, shape, size = case
        for name in timed:
            yield Row(
                "{} {} {}x{}x{} to {}x{}".format(
                    mode, {None: "", True: "corners", False: "half"}[align_corners], *shape, *size
                ),
                name,
                [ours / theirs for ours, theirs in zip(seconds["ours"], seconds[name])],
            )
    if missing:
        print("not measured, for they are not installed: " + ", ".join(missing))


def _alternately(calls: Dict[str, Call], rounds: int) -> Dict[str, List[float]]:
    seconds: Dict[str, List[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: values[1:] for name, values in seconds.items()}


Shape, Size = Tuple[int, int, int], Tuple[int, int]


def _image(shape: Shape):
    import numpy as np

    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def _ours(mode: str, align_corners: Optional[bool], shape: Shape, size: Size) -> Call:
    from coreml_resize_fix.conventions import torch as dialect
    from coreml_resize_fix.sampling.reference import resize

    across = [
        dialect.axis(mode, align_corners, False, before, after)
        for before, after in zip(shape[1:], size)
    ]
    return functools.partial(resize, _image(shape), *across)


def _torch(mode: str, align_corners: Optional[bool], shape: Shape, size: Size) -> Optional[Call]:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    return functools.partial(
        torch.nn.functional.interpolate,
        torch.from_numpy(_image(shape))[None],
        size=size,
        mode=mode,
        align_corners=align_corners,
    )


def _onnxruntime(
    mode: str, align_corners: Optional[bool], shape: Shape, size: Size
) -> Optional[Call]:
    try:
        import onnxruntime
        from onnx import TensorProto, helper
    except ImportError:
        return None
    node = helper.make_node(
        "Resize",
        ["x", "", "", "size"],
        ["y"],
        mode=_ONNX_MODES[mode],
        coordinate_transformation_mode="align_corners"
        if align_corners
        else "asymmetric"
        if mode == "nearest"
        else "half_pixel",
        nearest_mode="floor",
    )
    graph = helper.make_graph(
        [node],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1,) + shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [helper.make_tensor("size", TensorProto.INT64, [4], (1, shape[0]) + size)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return functools.partial(session.run, None, {"x": _image(shape)[None]})


def _opencv(mode: str, align_corners: Optional[bool], shape: Shape, size: Size) -> Optional[Call]:
    """Plane by plane, as OpenCV interleaves channels; it has no align_corners (half pixel here)."""
    try:
        import cv2
    except ImportError:
        return None
    cv2.setNumThreads(1)
    modes = {
        "bilinear": cv2.INTER_LINEAR,
        "nearest": cv2.INTER_NEAREST,
        "bicubic": cv2.INTER_CUBIC,
    }
    planes = list(_image(shape))
    return lambda: [cv2.resize(p, size[::-1], interpolation=modes[mode]) for p in planes]


_OTHERS = {"PyTorch": _torch, "ONNX Runtime": _onnxruntime, "OpenCV": _opencv}
