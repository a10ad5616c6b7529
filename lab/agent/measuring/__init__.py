"""Batches: calibration, timing, what they cost beside time, where they run."""
