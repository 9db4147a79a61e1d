"""One run: its options and jobs, the way of a model from reading to saving, and the results."""
