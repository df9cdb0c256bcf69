"""The listening history: imported, merged, matched to the library, and stored."""
