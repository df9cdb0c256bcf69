"""From the library to lists of tracks."""
