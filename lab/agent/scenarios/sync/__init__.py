"""Keeping processes and threads in step."""
