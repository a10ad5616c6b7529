"""How far a measurement can be trusted: its stability, its disturbances, and the flags that keep it out of verdicts."""
