"""Resizes in frozen graphs of TensorFlow."""
