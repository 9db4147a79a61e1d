"""Tools that try to break the package; docs/security.md has what they found and their commands."""
