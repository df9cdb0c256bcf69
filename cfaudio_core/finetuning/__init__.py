"""Nets that are trained on a library (torch, imported lazily)."""
