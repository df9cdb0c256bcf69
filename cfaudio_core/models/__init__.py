"""Models that predict preferences and factors from features and tags."""
