"""From command-line options to a plan: the targets, the cells and their order."""
