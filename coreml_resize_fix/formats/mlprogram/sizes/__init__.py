"""Follow sizes through a program when some of its resizes make another size.

infer      a function at every size that its inputs allow → ModelShapes
evaluate   one walk at one size; what is as declared needs no rule
rules      the rule of each operation
computed   numbers that the program computes from sizes
"""

from coreml_resize_fix.formats.mlprogram.sizes.infer import FunctionSizes, infer

__all__ = ["FunctionSizes", "infer"]
