"""From options to cells: what is measured, on which targets, in which order."""
