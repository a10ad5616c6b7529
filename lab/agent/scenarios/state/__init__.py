"""Shared state: shared memory containers and managers."""
