"""Numerical proof: what resizes make of images, compared with what their intents ask for."""
