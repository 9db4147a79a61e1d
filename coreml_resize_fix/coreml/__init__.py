"""The Core ML model file: schema, structure, shapes and byte-exact edits."""
