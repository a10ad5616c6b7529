"""Facts of a target, read inside it: interpreter, system, CPUs, limits, clock."""
