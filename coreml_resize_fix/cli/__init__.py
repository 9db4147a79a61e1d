"""The command line: options become a run, and what it found becomes text and an exit code."""
