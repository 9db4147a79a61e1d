"""Networks whose inputs allow several sizes, each with what its size makes of one axis."""

import random

from google.protobuf import text_format

from coreml_resize_fix.formats.protobuf import schema

RELU = "activation { ReLU {} }"


def pair(field, value):
    return "{0}: {1} {0}: {1}".format(field, value)


class Halving:
    """A layer that makes ⌊n / step⌋ or ⌈n / step⌉ of a size, or less where it has no padding."""

    def __init__(self, chance):
        self.step = chance.choice([2, 2, 2, 3])
        self.kind = chance.choice(["floor", "ceil", "valid"])

    @property
    def text(self):
        padding = "same {}" if self.kind == "ceil" else "valid {}"
        kernel = self.step + 1 if self.kind == "valid" else self.step
        return "pooling {{ {} {} {} }}".format(
            pair("kernelSize", kernel), pair("stride", self.step), padding
        )

    def of(self, size):
        if self.kind == "ceil":
            return (size + self.step - 1) // self.step
        return (size - (1 if self.kind == "valid" else 0)) // self.step


class UNet:
    """Halvings, then as many upsamples; some of them are added to what was halved."""

    def __init__(self, seed):
        chance = random.Random(seed)
        self.downs = [Halving(chance) for _ in range(chance.randint(1, 3))]
        self.skips = [chance.random() < 0.8 for _ in self.downs]
        self.join = chance.choice(["add {}", "concat {}"])

    def write(self, network):
        blob, levels = "image", []
        for index, down in enumerate(self.downs):
            levels.append(blob)
            layer(network, down.text, [blob], "d{}".format(index))
            blob = "d{}".format(index)
        for index in reversed(range(len(self.downs))):
            text = "upsample {{ {} mode: NN }}".format(
                pair("scalingFactor", self.downs[index].step)
            )
            layer(network, text, [blob], "u{}".format(index))
            blob = "u{}".format(index)
            if self.skips[index]:
                layer(network, self.join, [blob, levels[index]], "j{}".format(index))
                blob = "j{}".format(index)
        layer(network, RELU, [blob], "out")

    def runs(self, size):
        """One axis: what is joined must be of one size (an add also takes a 1)."""
        sizes = [size]
        for down in self.downs:
            sizes.append(down.of(sizes[-1]))
            if sizes[-1] < 1:
                return False
        now = sizes[-1]
        for index in reversed(range(len(self.downs))):
            now *= self.downs[index].step
            if self.skips[index] and now != sizes[index]:
                if not (self.join == "add {}" and 1 in (now, sizes[index])):
                    return False
                now = max(now, sizes[index])
        return True


def layer(network, text, inputs, output):
    text_format.Merge(text, network.layers.add(name=output, input=inputs, output=[output]))


def empty(form, default):
    """A network whose input `image` has three channels: an image, or an array of either mapping."""
    made = schema.model_class()(specificationVersion=4)
    kind = made.description.input.add(name="image").type
    if form == "image":
        kind.imageType.height, kind.imageType.width = default
        kind.imageType.colorSpace = 20
    else:
        lead = (1, 3) if form == "exact" else (3,)
        kind.multiArrayType.shape.extend(lead + default)
        kind.multiArrayType.dataType = 65568
    made.neuralNetwork.arrayInputShapeMapping = int(form == "exact")
    made.description.output.add(name="out").type.multiArrayType.dataType = 65568
    return made


def allow_range(made, rows, columns):
    kind = made.description.input[0].type
    if kind.WhichOneof("Type") == "imageType":
        limits = kind.imageType.imageSizeRange
        for side, (low, high) in ((limits.heightRange, rows), (limits.widthRange, columns)):
            side.lowerBound, side.upperBound = low, high
        return
    lead = [(size, size) for size in kind.multiArrayType.shape[:-2]]
    for low, high in [*lead, rows, columns]:
        kind.multiArrayType.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)


def allow_list(made, sizes):
    kind = made.description.input[0].type
    for size in sizes:
        if kind.WhichOneof("Type") == "imageType":
            kind.imageType.enumeratedSizes.sizes.add(height=size[0], width=size[1])
        else:
            lead = list(kind.multiArrayType.shape[:-2])
            kind.multiArrayType.enumeratedShapes.shapes.add(shape=lead + list(size))
