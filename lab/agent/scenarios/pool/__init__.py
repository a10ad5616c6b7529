"""Pools of workers: calls, sizes, scaling, chunk sizes, start and end."""
