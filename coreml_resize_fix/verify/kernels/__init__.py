"""What layers and operations compute of arrays; no file format is known here."""
