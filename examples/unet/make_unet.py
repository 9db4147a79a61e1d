"""Make the example: a small U-Net in PyTorch 1.4, converted to Core ML through ONNX.

The network stands for a segmentation model built with ``align_corners=True`` (its weights are seeded random numbers,
it was never trained).  ONNX opset 9 cannot express ``align_corners=True``, so it is exported by the usual workaround:
the same weights in the same network built with ``align_corners=False``.  The converted model is therefore wrong in
three of its four resize layers, and ``unet.intent.json`` says what PyTorch was really asked to do.

Run it with Python 3.7:

    python3.7 -m venv venv37
    venv37/bin/pip install torch==1.4.0 onnx==1.6.0 onnx-coreml==1.2 coremltools==3.2 numpy==1.19.5 protobuf==3.20.3
    venv37/bin/python make_unet.py

It writes ``unet.mlmodel``, ``unet.intent.json`` and ``unet.reference.npz`` (an image, and the scores that PyTorch makes of
it) beside itself, or into ``--output-dir``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

# The converter crashes where PyTorch 1.4 was imported first, so each is imported only in the steps that use it.

Size = Tuple[int, int]
INPUT_SIZE: Size = (50, 62)
SEED = 20200401
IOS_TARGET = "11.2"


def build_unet(align_corners: bool) -> Any:
    """The network with its seeded weights; only the sampling grid of its bilinear resizes depends on the argument."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Up(nn.Module):
        """Resize to the skip's size, join the skip, convolve."""

        def __init__(self, deep: int, skip: int, out: int, size: Size) -> None:
            super().__init__()
            self.size = size
            self.conv = nn.Conv2d(deep + skip, out, 3, padding=1)

        def forward(self, deep: Any, skip: Any) -> Any:
            # Plain integers: with PyTorch 1.4 a size read from the skip's shape becomes a chain of ONNX nodes
            # that the converter refuses.
            resized = F.interpolate(
                deep, size=self.size, mode="bilinear", align_corners=align_corners
            )
            return F.relu(self.conv(torch.cat([resized, skip], dim=1)))

    class Gate(nn.Module):
        """Multiply by a coarse mask, enlarged with nearest neighbours."""

        def __init__(self, channels: int, size: Size) -> None:
            super().__init__()
            self.size = size
            self.conv = nn.Conv2d(channels, channels, 1)

        def forward(self, fine: Any, coarse: Any) -> Any:
            mask = F.interpolate(torch.sigmoid(self.conv(coarse)), size=self.size, mode="nearest")
            return fine * mask

    class Encoder(nn.Module):
        """Four maps: 50x62, 25x31, 10x12 and 5x6."""

        def __init__(self) -> None:
            super().__init__()
            self.conv_full = nn.Conv2d(3, 4, 3, padding=1)
            self.conv_half = nn.Conv2d(4, 4, 3, stride=2, padding=1)
            # Unpadded, as in the original U-Net, so the maps stop being halves of each other: 12x15 becomes 10x12.
            self.conv_fifth = nn.Conv2d(4, 6, (3, 4))
            self.conv_tenth = nn.Conv2d(6, 8, 3, stride=2, padding=1)

        def forward(self, image: Any) -> Any:
            full = F.relu(self.conv_full(image))
            half = F.relu(self.conv_half(full))
            fifth = F.relu(self.conv_fifth(F.max_pool2d(half, 2)))
            tenth = F.relu(self.conv_tenth(fifth))
            return full, half, fifth, tenth

    class Decoder(nn.Module):
        """Back up: 5x6 to 10x12, to 25x31, to 50x62."""

        def __init__(self) -> None:
            super().__init__()
            self.up0 = Up(8, 6, 8, (10, 12))
            self.up1 = Up(8, 4, 6, (25, 31))
            self.up2 = Up(6, 4, 4, (50, 62))
            self.gate = Gate(4, (50, 62))

        def forward(self, full: Any, half: Any, fifth: Any, tenth: Any) -> Any:
            maps = self.up1(self.up0(tenth, fifth), half)
            return self.gate(self.up2(maps, full), half)

    class UNet(nn.Module):
        """Three classes of scores, at the size of the image."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = Encoder()
            self.decoder = Decoder()
            self.head = nn.Conv2d(4, 3, 1)

        def forward(self, image: Any) -> Any:
            return self.head(self.decoder(*self.encoder(image)))

    torch.manual_seed(SEED)
    model = UNet().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            # PyTorch's default weights let an untrained network fade to a nearly constant map.
            nn.init.kaiming_normal_(module.weight)
            nn.init.constant_(module.bias, 0.1)
    return model


def sample_image() -> Any:
    """A seeded random image of the network's input size."""
    import torch

    return torch.rand((1, 3, *INPUT_SIZE), generator=torch.Generator().manual_seed(SEED + 1))


def record_resizes(model: Any, image: Any) -> List[Dict[str, Any]]:
    """Run the model and note each call of F.interpolate: what was passed, and the sizes it led to."""
    import torch
    import torch.nn.functional as F

    original: Callable[..., Any] = F.interpolate
    running: List[str] = []
    resizes: List[Dict[str, Any]] = []

    def recording(
        input: Any,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: Optional[bool] = None,
        **others: Any,
    ) -> Any:
        output = original(
            input,
            size=size,
            scale_factor=scale_factor,
            mode=mode,
            align_corners=align_corners,
            **others,
        )
        resizes.append(
            {
                "name": running[-1],
                "mode": mode,
                "align_corners": bool(align_corners),
                "antialias": bool(others.get("antialias", False)),
                "size": None if size is None else [int(n) for n in size],
                "scale_factor": scale_factor,
                "recompute_scale_factor": others.get("recompute_scale_factor"),
                "input_size": list(input.shape[2:]),
                "output_size": list(output.shape[2:]),
                "channels": input.shape[1],
            }
        )
        return output

    def entering(path: str) -> Callable[..., None]:
        return lambda module, arguments: running.append(path)

    def leaving(module: Any, arguments: Any, output: Any) -> None:
        running.pop()

    handles = []
    for path, module in model.named_modules():
        handles += [
            module.register_forward_pre_hook(entering(path)),
            module.register_forward_hook(leaving),
        ]
    F.interpolate = recording
    try:
        with torch.no_grad():
            model(image)
    finally:
        F.interpolate = original
        for handle in handles:
            handle.remove()
    return resizes


def write_manifest(path: Path) -> None:
    """Record the network as it was meant, with align_corners=True, and write its intents."""
    import torch

    manifest = {
        "format": "coreml-resize-fix/intent",
        "version": 1,
        "producer": {"framework": "torch", "version": torch.__version__.split("+")[0]},
        "resizes": record_resizes(build_unet(align_corners=True), sample_image()),
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def write_reference(path: Path) -> None:
    """Keep an image and what the network as it was meant makes of it."""
    import numpy
    import torch

    image = sample_image()
    with torch.no_grad():
        scores = build_unet(align_corners=True)(image)
    numpy.savez_compressed(str(path), input_image=image.numpy(), output_scores=scores.numpy())


def export_onnx(path: Path) -> None:
    """Export by the workaround: align_corners is False only here, because opset 9 cannot say True."""
    import torch

    torch.onnx.export(
        build_unet(align_corners=False),
        sample_image(),
        str(path),
        opset_version=9,
        input_names=["image"],
        output_names=["scores"],
    )


def convert(onnx_path: Path, path: Path) -> None:
    """Convert the ONNX file; the converter changes the resizes without a word."""
    import onnx_coreml

    model = onnx_coreml.convert(str(onnx_path), minimum_ios_deployment_target=IOS_TARGET)
    model.short_description = "A small U-Net with random weights, converted as it comes"
    model.save(str(path))


def run_steps(output_dir: Path) -> None:
    """Run each step in a process of its own, with the ONNX file in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        onnx_path = str(Path(folder) / "unet.onnx")
        for step in ("record", "export", "convert"):
            subprocess.run(
                [
                    sys.executable,
                    __file__,
                    "--step",
                    step,
                    "--onnx",
                    onnx_path,
                    "--output-dir",
                    str(output_dir),
                ],
                check=True,
            )


def main() -> None:
    """Parse the command line and run one step, or all of them."""
    parser = argparse.ArgumentParser(description="Make the files of the example.")
    parser.add_argument("--output-dir", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument(
        "--step", choices=["record", "export", "convert"], help="one step only (default: all)"
    )
    parser.add_argument(
        "--onnx", type=Path, default=Path("unet.onnx"), help="where the steps pass the ONNX file on"
    )
    options = parser.parse_args()
    if options.step is None:
        run_steps(options.output_dir)
    elif options.step == "record":
        write_manifest(options.output_dir / "unet.intent.json")
        write_reference(options.output_dir / "unet.reference.npz")
    elif options.step == "export":
        export_onnx(options.onnx)
    else:
        convert(options.onnx, options.output_dir / "unet.mlmodel")


if __name__ == "__main__":
    main()
