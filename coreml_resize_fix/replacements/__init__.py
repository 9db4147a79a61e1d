"""Several layers that compute an intent together: steps as plain data, without a file format."""
