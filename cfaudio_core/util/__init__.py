"""Arrays, atomic files, databases, locks, progress and threads: what every stage may use."""
