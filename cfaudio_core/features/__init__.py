"""Features of every track of a library: extracted by worker processes, stored, summarized."""
