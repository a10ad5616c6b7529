"""What is generated in the READMEs, and the committed sample."""
