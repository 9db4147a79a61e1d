"""Random networks whose right answer is known: built call by call, each with its layer or none."""

import random

import pytest

from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents.model import Intent
from coreml_resize_fix.run import pipeline
from tests.support import build

# Right layers for both values of align_corners are of iOS 14.
needs_ios14 = pytest.mark.skipif(
    not schema.knows_ios14(),
    reason="needs coremltools: pip install 'coremltools>=4', which knows iOS 14",
)
MATCH, FIXABLE = "match", "fixable"
IOS14 = 5


class Net:
    """A network of four dimensions and the calls of its PyTorch twin, in order of execution.

    `layers` are those of the file, `wanted` the place of the call and the verdict of each resize
    layer, `dropped` the places of calls without a layer and why.
    """

    def __init__(self, seed, size, channels=2):
        self.random = random.Random(seed)
        self.layers, self.calls, self.wanted, self.dropped = [], [], {}, {}
        self.sizes = {"image": tuple(size)}
        self.channels = channels
        self.keeps_copies, self.keeps_dead = (self.random.random() < 0.3 for _ in range(2))
        self.is_old = self.random.random() < 0.3  # a converter that writes DEFAULT everywhere

    def add(self, text, inputs, size, name=None):
        """Append a layer; the name of its blob."""
        blob = "b{}".format(len(self.layers))
        self.layers.append((name or "l{}".format(len(self.layers)), inputs, blob, text))
        self.sizes[blob] = size
        return blob

    def relu(self, blob):
        return self.add(build.RELU, [blob], self.sizes[blob])

    def pool(self, blob, kind="MAX"):
        """Half the size, by a layer that is no resize."""
        height, width = self.sizes[blob]
        text = (
            "pooling {{ type: {} kernelSize: 2 kernelSize: 2 stride: 2 stride: 2 valid {{ }} }}"
        ).format(kind)
        return self.add(text, [blob], (height // 2, width // 2))

    def join(self, one, other):
        assert self.sizes[one] == self.sizes[other]
        return self.add("add { }", [one, other], self.sizes[one])

    def call(self, blob, corners, size=None, factor=None, name=None, used=True, **more):
        """Note a call; its place."""
        before = self.sizes[blob]
        self.calls.append(
            Intent(
                name=name,
                align_corners=corners,
                size=size,
                scale_factor=factor,
                input_size=before,
                output_size=size or tuple(int(n * s) for n, s in zip(before, factor)),
                channels=self.channels,
                used=None if used else False,
                index=len(self.calls),
                **more,
            )
        )
        return len(self.calls) - 1

    def resize(self, blob, factor, corners, name=None, layer=None, used=True):
        """A call by a whole factor with its layer, right or written as old converters do."""
        size = tuple(n * factor for n in self.sizes[blob])
        by_size = self.random.random() < 0.5
        place = self.call(
            blob,
            corners,
            size if by_size else None,
            None if by_size else (float(factor), float(factor)),
            name,
            used,
        )
        if not used and not self.keeps_dead:
            self.dropped[place] = "unused"
            return blob
        mode = "DEFAULT" if self.is_old else "ALIGN_CORNERS_" + str(corners).upper()
        text = (
            "upsample {{ scalingFactor: {0} scalingFactor: {0} mode: BILINEAR "
            "linearUpsampleMode: {1} }}"
        ).format(factor, mode)
        made = self.add(text, [blob], size, layer)
        # Whatever reads a single pixel gives it everywhere.
        is_wrong = self.is_old and max(self.sizes[blob]) > 1
        self.wanted[len(self.layers) - 1] = (place, FIXABLE if is_wrong else MATCH)
        return made

    def same(self, blob, corners):
        """A call that keeps the size, as `size=skip.shape[2:]` often does."""
        place = self.call(blob, corners, self.sizes[blob])
        if not self.keeps_copies:
            self.dropped[place] = "copies"
            return blob
        text = "upsample { scalingFactor: 1 scalingFactor: 1 mode: BILINEAR }"
        made = self.add(text, [blob], self.sizes[blob])
        self.wanted[len(self.layers) - 1] = (place, MATCH)
        return made

    def message(self, outputs):
        shape = (1, self.channels) + self.sizes["image"]
        model = build.network(shape, [], version=IOS14, mapping=build.EXACT)
        del model.description.output[:]
        for name in outputs:
            taken = model.description.output.add(name=name).type.multiArrayType
            taken.dataType = 65568  # FLOAT32
        build.named(model.neuralNetwork, self.layers)
        return model

    def report(self, outputs, **options):
        request = pipeline.Request(manifest=self.calls, dry_run=True, **options)
        return pipeline.process_bytes(self.message(outputs).SerializeToString(), "model", request)[
            0
        ]


def unet(seed):
    """Down by pooling, up by modules or functions, then to the size of the skip; dead heads."""
    net = Net(seed, (8 * random.Random(seed).randint(1, 3), 8))
    chance = net.random.random
    blob, skips = net.relu("image"), []
    for _ in range(net.random.randint(1, 3)):
        skips.append(blob)
        blob = net.pool(net.relu(blob), "AVERAGE" if chance() < 0.5 else "MAX")
    module = "up" if chance() < 0.5 else None
    corners = chance() < 0.5
    for skip in reversed(skips):
        if chance() < 0.3:
            net.resize(blob, 2, chance() < 0.5, used=False)
        blob = net.resize(blob, 2, corners if chance() < 0.7 else not corners, module)
        if chance() < 0.7:
            blob = net.same(blob, chance() < 0.5)
        blob = net.relu(net.join(blob, skip))
    return net, [blob]


def pyramid(seed):
    """Maps of several sizes, all resized to the largest, which keeps it; an auxiliary head."""
    net = Net(seed, (16, 8 * random.Random(seed).randint(1, 3)))
    maps = [net.relu("image")]
    for _ in range(net.random.randint(1, 3)):
        maps.append(net.pool(maps[-1]))
    corners = net.random.random() < 0.5
    total = None
    for level, blob in enumerate(maps):
        if net.random.random() < 0.3:
            net.resize(blob, 4, not corners, used=False)
        made = net.same(blob, corners) if level == 0 else net.resize(blob, 2**level, corners)
        if net.random.random() < 0.3:
            made = net.same(made, not corners)
        total = made if total is None else net.join(total, made)
    return net, [net.resize(total, 4, corners)]


def chain(seed):
    """Calls in a row, some of which keep the size; equal calls that became one layer."""
    net = Net(seed, (3, 5))
    blob = net.relu("image")
    for step in range(net.random.randint(1, 5)):
        corners = net.random.random() < 0.5
        for _ in range(net.random.randint(0, 2)):
            blob = net.same(blob, not corners)
        if net.random.random() < 0.2:
            blob = net.pool(blob) if min(net.sizes[blob]) > 3 else blob
        source, made = blob, net.resize(blob, 2, corners, layer="/m{}/up/Upsample".format(step))
        # The same call once more, and one layer for both. Where no layer is right, the other
        # align_corners might have been merged as well.
        if not net.is_old and net.random.random() < 0.3:
            last = net.calls[-1]
            net.call(source, corners, last.size, last.scale_factor)
        blob = net.relu(made)
        if max(net.sizes[blob]) > 100:
            break
    return net, [blob]


def areas(seed):
    """Calls of `area` that are pooling layers, right or not, among other layers that pool."""
    net = Net(seed, [net_size(seed, side) for side in (0, 1)])
    blob = net.relu("image")
    for _ in range(net.random.randint(1, 4)):
        before, chance = net.sizes[blob], net.random.random()
        if chance < 0.25:
            blob = net.relu(net.resize(blob, 2, net.random.random() < 0.5))
            continue
        factors = [net.random.choice([n for n in (1, 2, 3) if side % n == 0]) for side in before]
        if max(factors) == 1:
            blob = net.relu(blob)
            continue
        after = tuple(side // factor for side, factor in zip(before, factors))
        kernel, axis = list(factors), factors.index(max(factors))
        kernel[axis] += chance > 0.8  # reads a pixel too many, unless that is beyond the image
        place = net.call(blob, False, after, mode="area")
        text = (
            "pooling {{ type: {4} kernelSize: {0} kernelSize: {1} stride: {2} stride: {3} "
            "valid {{ paddingAmounts {{ borderAmounts {{ endEdgeSize: {5} }} borderAmounts "
            "{{ endEdgeSize: {6} }} }} }} avgPoolExcludePadding: true }}"
        )
        is_maximum = chance > 0.95
        amounts = [k - f for k, f in zip(kernel, factors)]
        kind = "MAX" if is_maximum else "AVERAGE"
        blob = net.add(text.format(*kernel, *factors, kind, *amounts), [blob], after)
        if not is_maximum and (kernel == factors or after[axis] == 1):
            net.wanted[len(net.layers) - 1] = (place, MATCH)
        else:
            net.dropped[place] = "missing"
        blob = net.relu(blob)
    return net, [blob]


def net_size(seed, side):
    return random.Random(2 * seed + side).choice((6, 12, 18, 20, 24))


KINDS = {"unet": unet, "pyramid": pyramid, "chain": chain, "areas": areas}
