"""From a plan to raw files: the job, its rounds and blocks, its state and its progress."""
