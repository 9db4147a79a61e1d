"""Networks of the parts that vision networks are made of, with resizes between them.

`sizes` are those of the resizes. A converter that gets some of them wrong is played by converting
the same network with others; nothing else in it depends on them.
"""

import random

import torch
from torch import nn

F = nn.functional
CHANNELS = 8


class Residual(nn.Module):
    def __init__(self, some):
        super().__init__()
        groups = some.choice([1, 2, CHANNELS])
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups)
        self.norm = some.choice([nn.BatchNorm2d, lambda n: nn.GroupNorm(2, n), nn.InstanceNorm2d])(
            CHANNELS
        )

    def forward(self, x):
        return x + torch.tanh(self.norm(self.conv(x)))


class Attention(nn.Module):
    """Pixels as tokens: flattened, attended to by two heads, and back."""

    def __init__(self, some):
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)
        self.inside, self.out = nn.Linear(CHANNELS, 3 * CHANNELS), nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x):
        n, c, h, w = x.shape
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        heads = self.inside(tokens).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        query, key, value = heads[0], heads[1], heads[2]
        mixed = F.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(n, h * w, c))
        return tokens.transpose(1, 2).reshape(n, c, h, w)


class NonLocal(nn.Module):
    def __init__(self, some):
        super().__init__()
        self.query, self.key = nn.Conv2d(CHANNELS, 4, 1), nn.Conv2d(CHANNELS, 4, 1)

    def forward(self, x):
        query, key = (one(x).flatten(2) for one in (self.query, self.key))
        weights = torch.softmax(torch.einsum("nci,ncj->nij", query, key), -1)
        return x + torch.matmul(x.flatten(2), weights.transpose(1, 2)).view(x.shape)


class Squeeze(nn.Module):
    def __init__(self, some):
        super().__init__()
        self.linear = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x):
        weights = torch.sigmoid(self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1)))
        return x * weights[:, :, None, None]


class Transposed(nn.Module):
    def __init__(self, some):
        super().__init__()
        kernel, more = some.choice([(2, {}), (3, {"padding": 1, "output_padding": 1}), (4, {})])
        self.conv = nn.ConvTranspose2d(CHANNELS, CHANNELS, kernel, 2, **more)
        self.down = nn.Conv2d(CHANNELS, CHANNELS, 3, 2, 1)

    def forward(self, x):
        return torch.tanh(self.down(self.conv(x)))


class Pooled(nn.Module):
    def __init__(self, some):
        super().__init__()
        self.pool = some.choice([nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1), nn.MaxPool2d(2)])

    def forward(self, x):
        return self.pool(x)


class Shuffled(nn.Module):
    def __init__(self, some):
        super().__init__()
        self.widen = nn.Conv2d(CHANNELS, 4 * CHANNELS, 1)
        self.narrow = nn.Conv2d(CHANNELS, CHANNELS, 2, 2)

    def forward(self, x):
        return self.narrow(F.pixel_shuffle(self.widen(x), 2))


class Joined(nn.Module):
    """Parts of the channels, put together in other ways."""

    def __init__(self, some):
        super().__init__()
        self.how = some.choice(["cat", "stack", "padded", "moved", "last"])

    def forward(self, x):
        one, other = x.chunk(2, 1)
        if self.how == "cat":
            return torch.cat([other, torch.relu(one)], 1)
        if self.how == "stack":
            return torch.stack([x, x.flip(-1), x], 0).mean(0)
        if self.how == "padded":
            return F.pad(x, (1, 0, 0, 1), mode="replicate")[:, :, 1:]
        if self.how == "moved":
            return x.permute(0, 3, 2, 1).softmax(-1).permute(0, 3, 2, 1)
        return x - x.amax((2, 3), keepdim=True).expand(-1, -1, 1, 1) + x.mean(1, keepdim=True)


PARTS = (Residual, Attention, NonLocal, Squeeze, Transposed, Pooled, Shuffled, Joined)


class Network(nn.Module):
    """Resizes with parts between them; some results are joined with a resized skip."""

    def __init__(self, seed):
        super().__init__()
        some = random.Random(seed)
        torch.manual_seed(seed)
        count = 1 + seed % 5
        self.start = nn.Conv2d(3, CHANNELS, 3, padding=1)
        # Up and down by turns: a resize that keeps the size would be dropped by the converter. None
        # has as many pixels as one of those around it.
        self.sizes = [
            (some.randint(11, 12) + 7 * (turn % 2), some.choice([23, 29])) for turn in range(count)
        ]
        first = PARTS[seed % len(PARTS)]  # every one has its turn
        self.parts = nn.ModuleList(
            [
                nn.Sequential(*[kind(some) for kind in kinds])
                for kinds in [[first], *([] for _ in range(count - 1))]
            ]
        )
        for part in self.parts:
            for _ in range(some.randint(1, 2)):
                part.append(some.choice(PARTS)(some))
        self.corners = [some.random() < 0.5 for _ in range(count)]
        self.skips = [some.random() < 0.4 for _ in range(count)]
        self.end = nn.Conv2d(CHANNELS, 4, 1)

    def forward(self, x):
        x = torch.relu(self.start(x))
        for size, part, corners, skip in zip(self.sizes, self.parts, self.corners, self.skips):
            kept = x
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=corners)
            if skip:  # of the size that the resize makes, whatever that is
                more = F.max_pool2d(kept, 2)
                x = x + F.interpolate(more, size=x.shape[2:], mode="bilinear", align_corners=False)
            x = part(x)
        return self.end(x), x.argmax(1).float() if len(self.sizes) % 2 else x.softmax(1)


def wrong(network, seed):
    """Sizes of which some are off by one or two, as a rounded factor makes them, or lost."""
    some = random.Random(seed + 1)
    chosen = set(some.sample(range(len(network.sizes)), some.randint(1, len(network.sizes))))
    return [
        tuple(side + some.choice([-2, -1, 1, 2]) for side in size) if index in chosen else size
        for index, size in enumerate(network.sizes)
    ]
