"""Small networks built message by message, without coremltools' own code."""

import pytest
from google.protobuf import text_format

from coreml_resize_fix.formats.neuralnetwork import sizes
from coreml_resize_fix.formats.protobuf import schema

UP2 = "upsample { scalingFactor: 2 scalingFactor: 2 }"
UP0 = "upsample { scalingFactor: 0 scalingFactor: 0 }"
RELU = "activation { ReLU {} }"
CONV = "convolution { outputChannels: 8 kernelChannels: 4 kernelSize: 1 kernelSize: 1 valid {} }"
X = (1, 4, 10, 12)


class Net:
    """A network under construction; `layer` takes the parameters in protobuf text format."""

    def __init__(self, exact=True, kind="neuralNetwork"):
        self.model = schema.model_class()()
        self.network = getattr(self.model, kind)
        self.network.SetInParent()
        if exact:
            self.network.arrayInputShapeMapping = 1
            self.network.imageInputShapeMapping = 1

    def array(self, name, *sizes, text=""):
        feature = self.model.description.input.add(name=name)
        feature.type.multiArrayType.shape.extend(sizes)
        text_format.Merge(text, feature.type.multiArrayType)
        return self

    def image(self, name, text):
        feature = self.model.description.input.add(name=name)
        text_format.Merge(text, feature.type.imageType)
        return self

    def output(self, *names):
        for name in names:
            self.model.description.output.add(name=name)
        return self

    def layer(self, params, inputs="", outputs="", network=None):
        """One layer; blob names are separated by blanks, its name is the first output."""
        where = self.network if network is None else network
        layer = where.layers.add(input=inputs.split(), output=outputs.split())
        layer.name = (outputs.split() or ["layer"])[0]
        try:
            text_format.Merge(params, layer)
        except text_format.ParseError as error:
            if schema.knows_ios14():
                raise
            pytest.skip("needs coremltools 4 (pip install -U coremltools): {}".format(error))
        return layer

    def infer(self, **options):
        return sizes.infer(self.model, **options)

    def result(self, **options):
        """Shape of the last layer's first output."""
        found = self.infer(**options).layers
        return found["layers[{}]".format(len(self.network.layers) - 1)].outputs[0]


def messages(net, **options):
    return [(item.address, item.message) for item in net.infer(**options).conflicts]
