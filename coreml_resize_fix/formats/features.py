"""What a model takes and gives, from its description: images, arrays, numbers, labels."""

from typing import Any, NamedTuple, Optional, Tuple

IMAGE, ARRAY, NUMBER, TEXT, CLASSES, OTHER = (
    "image", "array", "number", "text", "classes", "other"
)  # fmt: skip

_KINDS = {
    "imageType": IMAGE,
    "multiArrayType": ARRAY,
    "int64Type": NUMBER,
    "doubleType": NUMBER,
    "stringType": TEXT,
    "dictionaryType": CLASSES,
}

MOST_AXES = 32  # of an array of NumPy, whatever its version

Shape = Tuple[int, ...]
Range = Tuple[int, Optional[int]]


class Feature(NamedTuple):
    """An input or output: `shape` is the declared default of an array, (height, width) of an image.

    `shapes` are what else it may be, `ranges` the bounds of each axis instead. `colours` is RGB,
    BGR, GRAYSCALE or GRAYSCALE_FLOAT16, `data_type` the schema's word for the numbers of an array
    (FLOAT32, INT32, …). `batched`: an array may have axes before those that are declared.
    """

    name: str
    kind: str
    shape: Shape = ()
    colours: str = ""
    data_type: str = ""
    shapes: Tuple[Shape, ...] = ()
    ranges: Tuple[Range, ...] = ()
    optional: bool = False
    batched: bool = False

    def takes(self, shape: Shape) -> bool:
        """Whether an array of this shape, or an image of (height, width), is what it declares."""
        if self.ranges:
            return len(shape) == len(self.ranges) and all(
                low <= size and (high is None or size <= high)
                for size, (low, high) in zip(shape, self.ranges)
            )
        return shape == self.shape or shape in self.shapes

    @property
    def planes(self) -> Shape:
        """The shape of an array; of an image (channels, height, width)."""
        return (self.channels, *self.shape) if self.kind == IMAGE else self.shape

    @property
    def channels(self) -> int:
        """How many channels an image has."""
        return 1 if self.colours.startswith("GRAY") else 3


def read(message: Any) -> Feature:
    """A FeatureDescription message as a value."""
    kind = message.type.WhichOneof("Type")
    found = Feature(message.name, _KINDS.get(kind, OTHER), optional=bool(message.type.isOptional))
    if kind == "imageType":
        return _image(message.type.imageType, found)
    if kind == "multiArrayType":
        array = _array(message.type.multiArrayType, found)
        most = max(map(len, (array.shape, array.ranges, *array.shapes)))
        return array if most <= MOST_AXES else found._replace(kind=OTHER)
    return found


def _array(array: Any, found: Feature) -> Feature:
    found = found._replace(
        shape=tuple(int(size) for size in array.shape), data_type=_word(array, "dataType")
    )
    flexible = array.WhichOneof("ShapeFlexibility") if hasattr(array, "shapeRange") else None
    if flexible == "enumeratedShapes":
        listed = [tuple(int(size) for size in one.shape) for one in array.enumeratedShapes.shapes]
        return found._replace(shapes=tuple(listed))
    if flexible == "shapeRange":
        ranges = [_range(one.lowerBound, one.upperBound) for one in array.shapeRange.sizeRanges]
        return found._replace(ranges=tuple(ranges))
    return found


def _image(image: Any, found: Feature) -> Feature:
    found = found._replace(
        shape=(int(image.height), int(image.width)), colours=_word(image, "colorSpace")
    )
    flexible = image.WhichOneof("SizeFlexibility") if hasattr(image, "imageSizeRange") else None
    if flexible == "enumeratedSizes":
        listed = [(int(one.height), int(one.width)) for one in image.enumeratedSizes.sizes]
        return found._replace(shapes=tuple(listed))
    if flexible == "imageSizeRange":
        sides = image.imageSizeRange.heightRange, image.imageSizeRange.widthRange
        return found._replace(ranges=tuple(_range(one.lowerBound, one.upperBound) for one in sides))
    return found


def _range(low: int, high: int) -> Range:
    return int(low), None if high < 0 else int(high)


def _word(message: Any, field: str) -> str:
    names = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    value = names.get(getattr(message, field))
    return str(value.name) if value is not None else ""
