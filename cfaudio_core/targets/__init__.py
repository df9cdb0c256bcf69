"""Places that playlists are published to."""
