"""What a model takes and gives, from its description: images, arrays, numbers, labels."""

from typing import Any, NamedTuple, Optional, Tuple

__all__ = ["ARRAY", "CLASSES", "IMAGE", "NUMBER", "TEXT", "Feature", "read"]

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

Size = Tuple[int, int]
Range = Tuple[int, Optional[int]]


class Feature(NamedTuple):
    """An input or output: `shape` is the declared default of an array, (height, width) of an image.

    `sizes` and `ranges` are what a flexible image may be, `colours` is RGB, BGR or GRAYSCALE,
    `data_type` the schema's word for the numbers of an array (FLOAT32, INT32, …).
    """

    name: str
    kind: str
    shape: Tuple[int, ...] = ()
    colours: str = ""
    data_type: str = ""
    sizes: Tuple[Size, ...] = ()
    ranges: Optional[Tuple[Range, Range]] = None
    optional: bool = False

    def takes_size(self, size: Size) -> bool:
        """Whether an image of (height, width) pixels is one that an image feature declares."""
        if self.ranges is not None:
            return all(
                low <= pixels and (high is None or pixels <= high)
                for pixels, (low, high) in zip(size, self.ranges)
            )
        return size == self.shape or size in self.sizes

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
        array = message.type.multiArrayType
        return found._replace(
            shape=tuple(int(size) for size in array.shape),
            data_type=_word(array, "dataType"),
        )
    return found


def _image(image: Any, found: Feature) -> Feature:
    found = found._replace(
        shape=(int(image.height), int(image.width)), colours=_word(image, "colorSpace")
    )
    flexible = image.WhichOneof("SizeFlexibility") if hasattr(image, "imageSizeRange") else None
    if flexible == "enumeratedSizes":
        listed = [(int(one.height), int(one.width)) for one in image.enumeratedSizes.sizes]
        return found._replace(sizes=tuple(listed))
    if flexible == "imageSizeRange":
        sides = image.imageSizeRange.heightRange, image.imageSizeRange.widthRange
        height, width = (_range(one.lowerBound, one.upperBound) for one in sides)
        return found._replace(ranges=(height, width))
    return found


def _range(low: int, high: int) -> Range:
    return int(low), None if high < 0 else int(high)


def _word(message: Any, field: str) -> str:
    names = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    value = names.get(getattr(message, field))
    return str(value.name) if value is not None else ""
