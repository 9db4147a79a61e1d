"""PyTorch calls of vision networks, each a small network that coremltools converts.

A case is a function of tensors and the shapes of its inputs; inputs are seeded, in [-1, 1), or as
`draw` says.
"""

from typing import Any, Callable, NamedTuple, Optional, Tuple

import torch
from torch import nn

F = nn.functional
IMAGE = (1, 4, 9, 7)


class Call(NamedTuple):
    compute: Callable[..., Any]
    shapes: Tuple[Tuple[int, ...], ...] = (IMAGE,)
    draw: Optional[Callable[[torch.Tensor], torch.Tensor]] = None
    computes: Optional[Callable[..., torch.Tensor]] = None  # what the converter makes of it


def layer(make: Callable[..., nn.Module], *args: Any, **kwargs: Any) -> nn.Module:
    torch.manual_seed(1)
    made = make(*args, **kwargs).eval()
    for name, value in made.named_buffers():
        if "running" in name:
            value.uniform_(0.5, 1.5)
    for value in made.parameters():
        value.data.uniform_(-1, 1)
        value.requires_grad_(False)
    return made


def positive(x: torch.Tensor) -> torch.Tensor:
    return x.abs() + 0.1


def sharp(x: torch.Tensor) -> torch.Tensor:
    return 5 * x


CALLS = {
    # convolutions
    "conv": Call(layer(nn.Conv2d, 4, 6, 3, padding=1)),
    "conv_strided": Call(layer(nn.Conv2d, 4, 6, (3, 2), stride=(2, 3), padding=(1, 0))),
    "conv_dilated": Call(layer(nn.Conv2d, 4, 5, 3, dilation=2, padding=(2, 3))),
    "conv_grouped": Call(layer(nn.Conv2d, 4, 6, 3, groups=2)),
    "conv_depthwise": Call(layer(nn.Conv2d, 4, 4, 3, groups=4, padding=1)),
    "conv_depthwise_strided": Call(layer(nn.Conv2d, 4, 4, 5, groups=4, padding=2, stride=2)),
    "conv_depthwise_multiplied": Call(layer(nn.Conv2d, 4, 8, 3, groups=4, padding=2, dilation=2)),
    "conv_pointwise": Call(layer(nn.Conv2d, 4, 7, 1, bias=False)),
    "conv_same": Call(layer(nn.Conv2d, 4, 3, (4, 2), padding="same")),
    "conv_3d": Call(
        layer(nn.Conv3d, 4, 6, (2, 3, 3), stride=(2, 1, 2), padding=(1, 0, 1), groups=2),
        ((1, 4, 5, 7, 6),),
    ),
    "conv_1d": Call(layer(nn.Conv1d, 4, 6, 3, stride=2, padding=1), ((1, 4, 11),)),
    "conv_of_two": Call(lambda x, w: F.conv2d(x, w, padding=1), (IMAGE, (3, 4, 3, 3))),
    "deconv": Call(layer(nn.ConvTranspose2d, 4, 6, 4, stride=2, padding=1)),
    "deconv_grouped": Call(layer(nn.ConvTranspose2d, 4, 6, 3, stride=(2, 1), groups=2)),
    "deconv_output_padding": Call(
        layer(nn.ConvTranspose2d, 4, 5, 3, stride=2, padding=1, output_padding=1)
    ),
    "deconv_1d": Call(layer(nn.ConvTranspose1d, 4, 3, 4, stride=2), ((1, 4, 7),)),
    # pooling
    "max_pool": Call(lambda x: F.max_pool2d(x, 3, 2, 1)),
    "max_pool_ceil": Call(lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True)),
    "max_pool_ceil_padded": Call(lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
    "max_pool_1d": Call(lambda x: F.max_pool1d(x, 3, 2, 1), ((1, 4, 11),)),
    "avg_pool": Call(lambda x: F.avg_pool2d(x, (2, 3), 2)),
    "avg_pool_padded": Call(lambda x: F.avg_pool2d(x, 3, 2, 1)),
    "avg_pool_excluding": Call(lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    "avg_pool_ceil": Call(lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True)),
    "avg_pool_ceil_padded": Call(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)),
    "max_pool_3d": Call(lambda x: F.max_pool3d(x, (2, 3, 2), 2, (1, 1, 0)), ((1, 3, 5, 7, 6),)),
    "avg_pool_3d": Call(
        lambda x: F.avg_pool3d(x, 3, (1, 2, 2), 1, count_include_pad=False), ((1, 3, 5, 7, 6),)
    ),
    "global_pool": Call(lambda x: F.adaptive_avg_pool2d(x, 1)),
    "global_max_pool": Call(lambda x: F.adaptive_max_pool2d(x, 1)),
    "adaptive_pool": Call(lambda x: F.adaptive_avg_pool2d(x, (3, 7))),
    "adaptive_pool_odd": Call(lambda x: F.adaptive_avg_pool2d(x, (4, 3))),
    # activations
    "relu": Call(F.relu),
    "relu6": Call(F.relu6, draw=lambda x: 10 * x),
    "leaky_relu": Call(lambda x: F.leaky_relu(x, 0.3)),
    "prelu": Call(layer(nn.PReLU, 4)),
    "prelu_shared": Call(layer(nn.PReLU)),
    "elu": Call(lambda x: F.elu(x, 0.7)),
    "sigmoid": Call(torch.sigmoid, draw=sharp),
    "hard_sigmoid": Call(F.hardsigmoid, draw=sharp),
    "hard_swish": Call(F.hardswish, draw=sharp),
    "hard_tanh": Call(lambda x: F.hardtanh(x, -0.5, 0.4)),
    "silu": Call(F.silu, draw=sharp),
    "mish": Call(F.mish, draw=sharp),
    "tanh": Call(torch.tanh, draw=sharp),
    "softplus": Call(F.softplus, draw=sharp),
    "softplus_beta": Call(lambda x: F.softplus(x, beta=3)),
    "softsign": Call(F.softsign),
    "gelu": Call(F.gelu, draw=sharp),
    "gelu_tanh": Call(lambda x: F.gelu(x, approximate="tanh"), draw=sharp),
    "threshold": Call(lambda x: F.threshold(x, 0.1, 0.1)),
    "softmax": Call(lambda x: F.softmax(x, 1), draw=sharp),
    "softmax_last": Call(lambda x: F.softmax(x, -1), draw=sharp),
    "log_softmax": Call(lambda x: F.log_softmax(x, 1), draw=sharp),
    # arithmetic
    "add": Call(lambda x, y: x + y, (IMAGE, IMAGE)),
    "add_broadcast": Call(lambda x, y: x + y, (IMAGE, (1, 4, 1, 1))),
    "sub": Call(lambda x, y: x - y, (IMAGE, (7,))),
    "mul": Call(lambda x, y: x * y, (IMAGE, (1, 1, 9, 1))),
    "div": Call(lambda x, y: x / (y * y + 1), (IMAGE, IMAGE)),
    "pow": Call(lambda x: x**3),
    "pow_root": Call(lambda x: x**0.5, draw=positive),
    "floor_div": Call(lambda x: torch.div(x, 0.3, rounding_mode="floor")),
    "remainder": Call(lambda x: torch.remainder(x, 0.3)),
    "maximum": Call(torch.maximum, (IMAGE, IMAGE)),
    "minimum": Call(torch.minimum, (IMAGE, IMAGE)),
    "clamp": Call(lambda x: torch.clamp(x, -0.2, 0.6)),
    "abs": Call(torch.abs),
    "neg": Call(torch.neg),
    "exp": Call(torch.exp),
    "log": Call(torch.log, draw=positive),
    "sqrt": Call(torch.sqrt, draw=positive),
    "rsqrt": Call(torch.rsqrt, draw=positive),
    # MIL's `inverse` adds 1e-4 where the converter says nothing.
    "reciprocal": Call(torch.reciprocal, draw=positive, computes=lambda x: 1 / (x + 1e-4)),
    "square": Call(torch.square),
    "floor": Call(torch.floor, draw=sharp),
    "ceil": Call(torch.ceil, draw=sharp),
    "round": Call(torch.round, draw=sharp),
    "sign": Call(torch.sign),
    "sin": Call(torch.sin, draw=sharp),
    "cos": Call(torch.cos, draw=sharp),
    "tan": Call(torch.tan),
    "atan": Call(torch.atan, draw=sharp),
    "asin": Call(torch.asin),
    "acos": Call(torch.acos),
    "sinh": Call(torch.sinh),
    "cosh": Call(torch.cosh),
    "erf": Call(torch.erf, draw=sharp),
    "where": Call(lambda x, y: torch.where(x > y, x, 2 * y), (IMAGE, IMAGE)),
    "compare": Call(lambda x, y: (x >= y).float() + (x < 0.1).float() * 2, (IMAGE, IMAGE)),
    "logic": Call(
        lambda x, y: torch.logical_or((x > 0) & ~(y > 0), x > 0.5).float(), (IMAGE, IMAGE)
    ),
    # reductions
    "mean": Call(lambda x: x.mean((2, 3))),
    "mean_kept": Call(lambda x: x.mean(1, keepdim=True)),
    "sum": Call(lambda x: x.sum(1)),
    "amax": Call(lambda x: x.amax((2, 3), keepdim=True)),
    "amin": Call(lambda x: x.amin(1)),
    "norm": Call(lambda x: torch.norm(x, dim=1, keepdim=True)),
    "norm_1": Call(lambda x: torch.norm(x, p=1, dim=1)),
    "log_sum_exp": Call(lambda x: torch.logsumexp(x, 1)),
    "variance": Call(lambda x: x.var(1, unbiased=False)),
    "argmax": Call(lambda x: x.argmax(1)),
    "argmin": Call(lambda x: x.argmin(1, keepdim=True)),
    "topk": Call(lambda x: torch.topk(x, 2, 1)[0]),
    "sort": Call(lambda x: torch.argsort(x, 1)),
    "cumsum": Call(lambda x: torch.cumsum(x, 2)),
    # normalizations
    "batch_norm": Call(layer(nn.BatchNorm2d, 4)),
    "batch_norm_1d": Call(layer(nn.BatchNorm1d, 4), ((1, 4, 7),)),
    "instance_norm": Call(layer(nn.InstanceNorm2d, 4, affine=True)),
    "layer_norm": Call(layer(nn.LayerNorm, 7)),
    "layer_norm_2d": Call(layer(nn.LayerNorm, (9, 7))),
    "group_norm": Call(layer(nn.GroupNorm, 2, 4)),
    "normalize": Call(lambda x: F.normalize(x, dim=1)),
    "lrn": Call(lambda x: F.local_response_norm(x, 3, 0.5, 0.6, 2.0)),
    # shapes
    "cat": Call(lambda x, y: torch.cat([x, y], 1), (IMAGE, (1, 2, 9, 7))),
    "cat_rows": Call(lambda x, y: torch.cat([x, y], 2), (IMAGE, (1, 4, 3, 7))),
    "stack": Call(lambda x, y: torch.stack([x, y], 1), ((1, 9, 7), (1, 9, 7))),
    "chunk": Call(lambda x: torch.chunk(x, 2, 1)[1]),
    "split": Call(lambda x: torch.split(x, [1, 3], 1)[1] * 2),
    "slice": Call(lambda x: x[:, 1:3, ::2, -4:]),
    "pick": Call(lambda x: x[:, 2]),
    "narrow": Call(lambda x: x.narrow(3, 1, 4)),
    "pad": Call(lambda x: F.pad(x, (1, 2, 0, 3), value=0.5)),
    "pad_reflect": Call(lambda x: F.pad(x, (2, 1, 3, 0), mode="reflect")),
    "pad_replicate": Call(lambda x: F.pad(x, (2, 1, 3, 0), mode="replicate")),
    "reshape": Call(lambda x: x.reshape(1, 2, 2, -1)),
    "view_like": Call(lambda x: x.view(x.shape[0], -1)),
    "flatten": Call(lambda x: torch.flatten(x, 1)),
    "permute": Call(lambda x: x.permute(0, 2, 3, 1)),
    "transpose": Call(lambda x: x.transpose(1, 3)),
    "squeeze": Call(lambda x: x.squeeze(1), ((1, 1, 9, 7),)),
    "unsqueeze": Call(lambda x: x.unsqueeze(1), ((1, 9, 7),)),
    "expand": Call(lambda x: x.expand(1, 4, 9, 7) * 2, ((1, 4, 1, 1),)),
    "repeat": Call(lambda x: x.repeat(1, 2, 1, 3)),
    "flip": Call(lambda x: torch.flip(x, [3])),
    "roll": Call(lambda x: torch.roll(x, 2, 3)),
    "index_select": Call(lambda x: torch.index_select(x, 1, torch.tensor([2, 0, 2]))),
    "gather": Call(lambda x: torch.gather(x, 1, (x[:, :2] > 0).long())),
    "pixel_shuffle": Call(lambda x: F.pixel_shuffle(x, 2)),
    "pixel_unshuffle": Call(lambda x: F.pixel_unshuffle(x, 2), ((1, 3, 8, 6),)),
    "channel_shuffle": Call(
        lambda x: x.view(1, 2, 2, 9, 7).transpose(1, 2).reshape(1, 4, 9, 7)
    ),
    "triu": Call(lambda x: torch.triu(x, 1), ((5, 6),)),
    "tril": Call(lambda x: torch.tril(x), ((5, 6),)),
    "meshgrid": Call(
        lambda x: x + torch.arange(7).float() / 7 + torch.arange(9).float()[:, None] / 9
    ),
    "full_like": Call(lambda x: x + torch.full_like(x, 0.25)),
    # products
    "linear": Call(layer(nn.Linear, 7, 5)),
    "linear_vector": Call(layer(nn.Linear, 12, 5), ((1, 12),)),
    "matmul": Call(lambda x, y: x @ y, ((1, 4, 5), (1, 5, 3))),
    "matmul_broadcast": Call(lambda x, y: torch.matmul(x, y), ((2, 4, 5), (5, 3))),
    "bmm": Call(lambda x, y: torch.bmm(x, y.transpose(1, 2)), ((2, 4, 5), (2, 3, 5))),
    "einsum": Call(lambda x, y: torch.einsum("bchw,bkc->bkhw", x, y), (IMAGE, (1, 3, 4))),
    "einsum_rows": Call(lambda x, y: torch.einsum("bnd,bmd->bnm", x, y), ((1, 4, 5), (1, 3, 5))),
    "attention": Call(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        ((1, 2, 5, 4), (1, 2, 6, 4), (1, 2, 6, 4)),
    ),
    "self_attention": Call(
        lambda q: F.softmax(q @ q.transpose(-1, -2) / 2, -1) @ q, ((1, 2, 5, 4),)
    ),
    # resizes and samples
    "bilinear_corners": Call(
        lambda x: F.interpolate(x, size=(14, 15), mode="bilinear", align_corners=True)
    ),
    "bilinear_half": Call(
        lambda x: F.interpolate(x, size=(14, 15), mode="bilinear", align_corners=False)
    ),
    "nearest": Call(lambda x: F.interpolate(x, scale_factor=2)),
    "grid_sample": Call(
        lambda x, g: F.grid_sample(x, g, align_corners=True), (IMAGE, (1, 5, 6, 2)),
        lambda x: 1.3 * x,
    ),
    "grid_sample_half": Call(
        lambda x, g: F.grid_sample(x, g, align_corners=False), (IMAGE, (1, 5, 6, 2)),
        lambda x: 1.3 * x,
    ),
    "grid_sample_border": Call(
        lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=False),
        (IMAGE, (1, 5, 6, 2)),
        lambda x: 1.5 * x,
    ),
    "grid_sample_reflection": Call(
        lambda x, g: F.grid_sample(x, g, padding_mode="reflection", align_corners=True),
        (IMAGE, (1, 5, 6, 2)),
        lambda x: 1.5 * x,
    ),
    "grid_sample_nearest": Call(
        lambda x, g: F.grid_sample(x, g, mode="nearest", align_corners=True),
        (IMAGE, (1, 5, 6, 2)),
    ),
}  # fmt: skip


def drawn(name: str) -> Tuple[torch.Tensor, ...]:
    """The seeded inputs of a call."""
    call = CALLS[name]
    source = torch.Generator().manual_seed(sum(map(ord, name)))
    found = [torch.rand(shape, generator=source) * 2 - 1 for shape in call.shapes]
    if call.draw is not None and len(found) == 1:
        found = [call.draw(found[0])]
    elif call.draw is not None:
        found[1] = call.draw(found[1])
    return tuple(found)


class Module(nn.Module):
    """A call as a network."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.compute = CALLS[name].compute

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.compute(*inputs)
