"""Exact replacements of a resize layer made of several layers that Core ML has."""

from coreml_resize_fix.rewrite.decompose.context import Context
from coreml_resize_fix.rewrite.decompose.table import (
    REPLACEMENTS,
    Choice,
    Cost,
    Replacement,
    cheapest,
)

__all__ = ["REPLACEMENTS", "Choice", "Context", "Cost", "Replacement", "cheapest"]
