"""Neural networks: layers read as values, their shapes, and how changed layers are written."""
