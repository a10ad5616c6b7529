"""The benchmark of the lab itself: its overhead beside measurements, and how its cost grows with the data."""
