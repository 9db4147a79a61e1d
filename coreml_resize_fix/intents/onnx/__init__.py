"""Resizes in ONNX files, and what ONNX Runtime makes of a whole one."""
