"""Parts of a configuration that may be anything: what has another form counts as empty."""

from typing import Any, Dict, List, Optional, Sequence

Shape = Sequence[Any]  # of a batch of maps; None is a side that is not known


def as_shape(value: Any) -> Optional[Shape]:
    """The shape of a batch of maps; None for anything else."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    return value if all(n is None or (type(n) is int and n > 0) for n in value) else None


def as_dict(value: Any) -> Dict[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> List[Any]:
    """A list; an empty one for anything else."""
    return value if isinstance(value, list) else []
