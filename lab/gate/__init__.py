"""Compares a function of the user's own between two commits of its repository: ``lab gate``."""
