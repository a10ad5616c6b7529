"""The generated parts of the READMEs, and the committed sample."""
