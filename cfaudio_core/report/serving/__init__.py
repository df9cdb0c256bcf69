"""The small server of the page."""
