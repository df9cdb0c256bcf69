"""Decoders of audio files."""
