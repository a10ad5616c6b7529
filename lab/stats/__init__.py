"""From samples to estimates: pure functions from DataFrame to DataFrame."""
