"""Tracks, listeners, sessions and interactions as arrays."""
