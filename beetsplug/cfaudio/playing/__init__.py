"""What a player plays now: its queue, what fits next, and keeping the queue filled."""
