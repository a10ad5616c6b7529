"""The benchmark of the lab itself: what it costs beside what it measures, and whether that grows with the data."""
