"""Make the resize layers of a Core ML model compute what PyTorch computed."""

__version__ = "0.1.0"
