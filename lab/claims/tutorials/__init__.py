"""Claims of other tutorials, of Python's documentation and of its release notes."""
