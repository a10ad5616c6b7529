"""Carry out a plan: the job, its rounds and blocks, its state and its progress."""
