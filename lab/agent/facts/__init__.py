"""What a target is, read back from inside it."""
