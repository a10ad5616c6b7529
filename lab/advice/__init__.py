"""Advice from a run: which start method, how many workers, which chunk size, which mechanism, each with its numbers."""
