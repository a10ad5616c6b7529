"""Streams of images that were run by hand, with no host side, as a run folder."""
