"""Synchronisation of processes and of threads."""
