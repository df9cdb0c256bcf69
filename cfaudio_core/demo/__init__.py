"""`cfaudio demo`: a throwaway library, a simulated listener, and the real commands on both."""
