"""What is heard together belongs together: contexts x tracks, and its latent factors."""
