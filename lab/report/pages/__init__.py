"""Pages: what they say, and how they are written as Markdown and HTML."""
