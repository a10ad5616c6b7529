"""Which model of concurrency for which kind of work."""
