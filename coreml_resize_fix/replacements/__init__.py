"""What an intent is made of when no single layer computes it: steps as plain data, no format."""
