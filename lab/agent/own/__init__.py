"""Measures a function of the user's own: ``lab tune`` sends cells with the key ``own``, which stand for no scenario."""
