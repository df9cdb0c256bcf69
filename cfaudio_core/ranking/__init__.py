"""Scores, tastes and rules to an ordered list."""
