"""What each resize was asked to do: the intent, and the files that carry it."""
