"""Messages between processes: latency, throughput, order."""
