"""Held-out plays: how well each system predicts them."""
