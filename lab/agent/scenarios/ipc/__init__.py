"""Moving a message between two processes."""
