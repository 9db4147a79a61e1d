"""Keras: resizes recorded while a model runs, on any backend, and read from saved models."""
