"""From scores to a list that a person lets run: what to take, in which order, and where to put it."""
