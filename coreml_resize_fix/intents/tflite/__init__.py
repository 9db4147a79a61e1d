"""Resizes in TFLite files."""
