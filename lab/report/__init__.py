"""Figures, Markdown and HTML of a run, made by ``building``; a process that only writes figures loads ``save``."""
