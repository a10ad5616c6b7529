"""The comparison lab: what Python multiprocessing costs on this machine, in this container, on this Python."""

__version__ = "0.1.0"
