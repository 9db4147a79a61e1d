"""Parameter values of one system -> `AxisSpec`: torch, onnx, tensorflow and coreml.

Each module is a table of what the system documents. Values it does not know are programming
errors: ValueError, with the values that it does know.
"""
