"""Starting and ending processes, and what they cost in memory."""
