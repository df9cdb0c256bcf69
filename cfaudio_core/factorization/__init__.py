"""Interactions to latent factors."""
