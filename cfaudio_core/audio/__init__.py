"""Audio files to 3 s windows, log-mel spectrograms and stereo width."""
