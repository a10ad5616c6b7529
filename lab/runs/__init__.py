"""The run folder and its manifest, as one archive, and several of them merged into one."""
