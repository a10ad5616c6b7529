"""Models of concurrency by kind of work."""
