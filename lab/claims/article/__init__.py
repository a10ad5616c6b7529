"""Claims of the tutorial that the lab is built around; ``TUTORIAL_IN_FULL`` in ``lab.claims.claim`` identifies it."""
