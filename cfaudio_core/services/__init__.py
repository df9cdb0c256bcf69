"""Servers that histories come from and playlists go to: how they are spoken to."""
