"""From how music sounds to what the factors and the listeners say of it."""
