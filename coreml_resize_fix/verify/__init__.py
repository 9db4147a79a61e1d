"""Numerical proof: layers interpreted in numpy, compared with what the intent computes."""
