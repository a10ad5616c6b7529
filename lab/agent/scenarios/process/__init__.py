"""Processes: start, end, memory and switches."""
