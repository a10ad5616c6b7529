"""What is held against what: sides, pairs of targets, what differs between them, and the rows that follow."""
