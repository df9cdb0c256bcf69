"""Who heard what: counts (and, in time, listens) to one record of plays and skips a listener."""
