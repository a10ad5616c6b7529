"""Run folders: raw files, the manifest, archives, and merged runs."""
