"""What the article says."""
