"""Tools that scenarios share: teams of workers, work, channels, sidecars, bare main programs."""
