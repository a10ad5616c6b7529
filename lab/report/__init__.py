"""Figures, Markdown and HTML of a run; ``building`` makes the report."""
