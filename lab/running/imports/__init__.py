"""Import streams of images that were run by hand, without a host side, as a run folder."""
