"""Readers that several formats of histories share: archives, JSON, SQLite, dates."""
