"""Parameter values of one system -> `AxisSpec`: torch, onnx, tensorflow and coreml.

Each module is a table from the documentation of its system. Unknown values are programming errors:
a ValueError names the known ones.
"""
