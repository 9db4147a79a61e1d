"""Core ML files on the wire: official classes, structure without weights, byte-exact edits."""
