"""Timed batches: calibration, counters of their other costs, CPU placement, system load."""
