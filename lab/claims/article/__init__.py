"""What the tutorial says that the lab is built around; ``lab.claims.claim`` identifies it."""
