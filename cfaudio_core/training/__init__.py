"""Fitting a model to a library, and keeping it up to date."""
