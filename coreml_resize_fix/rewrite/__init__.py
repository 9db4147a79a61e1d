"""Findings → edits of the file."""
