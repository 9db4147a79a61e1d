"""The names of what a fix adds to a file, by which a later audit knows it again."""

# Between the name of what is replaced and the kind of a part of what stands in for it.
INFIX = "__resize_"


def replaced_name(name: str) -> str:
    """The name of the layer that a part of this name belongs to; any other name as it is."""
    return name.rpartition(INFIX)[0] or name
