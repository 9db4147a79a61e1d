"""What a description declares of the sizes of inputs and outputs, and how it is corrected."""

from typing import Any, List, Optional, Sequence, Tuple

from coreml_resize_fix.formats.shapes import Flexible, Range, Shape

_NO_BOUND = -1  # what the format writes for a size without an upper bound
_SOURCE = "com.github.apple.coremltools.source"  # the key of the converter's metadata


def converted_from(description: Any) -> Optional[str]:
    """What coremltools says that a model was made of, `tensorflow==2.12.0`; None if it does not."""
    found = description.metadata.userDefined
    return str(found[_SOURCE]) if _SOURCE in found else None


def declared_size(feature: Any) -> Tuple[int, ...]:
    """The dimensions that a feature declares: of an array all, of an image (height, width)."""
    kind = feature.type.WhichOneof("Type")
    if kind == "multiArrayType":
        return tuple(int(n) for n in feature.type.multiArrayType.shape)
    if kind == "imageType":
        return int(feature.type.imageType.height), int(feature.type.imageType.width)
    return ()


def with_size(feature: Any, dims: Sequence[int]) -> Any:
    """A copy of a feature's description that declares these dimensions, where it declares some.

    `feature` is a FeatureDescription message; of an image the last two dimensions count.
    """
    edited = type(feature)()
    edited.CopyFrom(feature)
    kind = feature.type.WhichOneof("Type")
    if kind == "multiArrayType" and dims and len(edited.type.multiArrayType.shape) == len(dims):
        del edited.type.multiArrayType.shape[:]
        edited.type.multiArrayType.shape.extend(dims)
    elif kind == "imageType" and len(dims) >= 2:
        edited.type.imageType.height, edited.type.imageType.width = dims[-2:]
    return edited


def with_ranges(feature: Any, shape: Shape) -> Any:
    """Change the description of an output so that it declares the sizes of that shape.

    A list of sizes that cannot be computed is removed; only the default is declared then.
    """
    limits = _limits(shape)
    if feature.type.WhichOneof("Type") == "multiArrayType":
        array = feature.type.multiArrayType
        kind = array.WhichOneof("ShapeFlexibility") if hasattr(array, "shapeRange") else None
        if kind == "shapeRange" and len(array.shapeRange.sizeRanges) <= len(limits):
            sizes = array.shapeRange.sizeRanges
            for size, limit in zip(sizes, limits[len(limits) - len(sizes) :]):
                _set(size, limit)
        elif kind == "enumeratedShapes":
            rank = len(array.shape)
            array.ClearField("enumeratedShapes")
            for dims in _listed(shape):
                array.enumeratedShapes.shapes.add(shape=dims[-rank:])
    elif feature.type.WhichOneof("Type") == "imageType":
        image = feature.type.imageType
        kind = image.WhichOneof("SizeFlexibility") if hasattr(image, "imageSizeRange") else None
        if kind == "imageSizeRange":
            _set(image.imageSizeRange.heightRange, limits[-2])
            _set(image.imageSizeRange.widthRange, limits[-1])
        elif kind == "enumeratedSizes":
            image.ClearField("enumeratedSizes")
            for dims in _listed(shape):
                image.enumeratedSizes.sizes.add(height=dims[-2], width=dims[-1])
    return feature


def _set(size: Any, limit: Range) -> None:
    size.lowerBound = limit[0]
    size.upperBound = _NO_BOUND if limit[1] is None else limit[1]


def _limits(shape: Shape) -> List[Range]:
    if isinstance(shape, Flexible):
        return list(shape.dims)
    return [(n, n) for n in shape.dims or () if n is not None]


def _listed(shape: Shape) -> Tuple[Tuple[int, ...], ...]:
    if isinstance(shape, Flexible):
        return tuple(dict.fromkeys(dims for dims in shape.samples if dims)) if shape.listed else ()
    return (tuple(n for n in shape.dims or () if n is not None),)
