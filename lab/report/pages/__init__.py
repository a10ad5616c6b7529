"""Pages: their content, and how it is written as Markdown and HTML."""
