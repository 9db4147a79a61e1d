"""Cases that compare Core ML itself with what this package takes it for (docs/conformance.md)."""
